"""Drop local files into the lake's inbox, where the table's DAG finds them."""

from collections.abc import Sequence
from dataclasses import replace

from lakeworks.contract import Contract
from lakeworks.core.layout import INBOX
from lakeworks.core.partition import Period
from lakeworks.errors import CredentialsExpired, LakeAccessDenied, LakeError
from lakeworks.lake import Lake
from lakeworks.landing.files import dataset
from lakeworks.loading.file_check import FileCheck
from lakeworks.loading.period_load import Progress, first_reason, refuse, refuse_mixed
from lakeworks.loading.report import FileOutcome, LoadReport
from lakeworks.s3.local_upload import upload_once
from lakeworks.s3.transfer_budget import within_budget


def drop_files(
    lake: Lake,
    contract: Contract,
    period: Period,
    checks: Sequence[FileCheck],
    *,
    heard: Progress = Progress(),  # noqa: B008
    keep_going: bool = False,
) -> LoadReport:
    """Put the checked files into `inbox/<data set>/<period>/`; nothing is published.

    A file that is there with the same size and SHA-256 is not sent again. One that fails stops no other.

    Raises:
        FileRefused: a file breaks the contract; with `keep_going` the others are dropped.
        LakeAccessDenied, CredentialsExpired: every other file would fail alike.
    """
    good = refuse(contract, checks, keep_going=keep_going)
    refuse_mixed(lake, contract, period)
    folder = f"{INBOX}/{dataset(contract)}/{period}"
    heard.step("landing")

    def drop(item: FileCheck) -> FileOutcome:
        try:
            sent = upload_once(lake.store, item.file.path, f"{folder}/{item.file.name}", item.sha256, heard.sent)
        except (LakeAccessDenied, CredentialsExpired):
            raise
        except LakeError as error:
            return FileOutcome(item, "failed", str(error))
        return FileOutcome(item, "loaded" if sent else "same")

    dropped = within_budget(lake.store, good, lambda item: item.size, drop)
    refused = [FileOutcome(item, "failed", first_reason(item)) for item in checks if item.is_refused]
    return replace(LoadReport(contract.name, str(period), [*dropped, *refused]), inbox=lake.store.uri(f"{folder}/"))
