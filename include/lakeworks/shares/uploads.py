"""Upload form for one file into the inbox. S3 checks key, size and content type."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from mimetypes import guess_type
from typing import Any

from lakeworks.contract import Contract
from lakeworks.core.layout import INBOX
from lakeworks.core.names import suggestion
from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.shares.downloads import Terms
from lakeworks.shares.record import SharedObject, ShareRecord, new_id, store_record
from lakeworks.shares.signing import Signer

_SOURCE = "file_drop."
_ANY = "application/octet-stream"
# The largest body that S3 takes in one POST.
_MOST_BYTES = 5 << 30


@dataclass(frozen=True)
class Upload:
    """The one file that may be sent. Without a name, any name is allowed."""

    data_set: str
    period: Period
    name: str = ""
    most_bytes: int = 100 << 20
    content_type: str = ""


@dataclass(frozen=True)
class UploadForm:
    """A share's record, and the address and form fields for the POST."""

    record: ShareRecord
    address: str
    fields: dict[str, str]


def share_upload(
    lake: Lake, contracts: Iterable[Contract], upload: Upload, signer: Signer, terms: Terms, now: datetime
) -> UploadForm:
    """Make a form for one file of a data set's period.

    Raises:
        ConfigError: no table takes dropped files of that name, or a limit is wrong.
    """
    known = {(contract.source or "").removeprefix(_SOURCE) for contract in contracts if _is_dropped(contract)}
    if upload.data_set not in known:
        raise ConfigError(
            f"No table takes dropped files of the data set `{upload.data_set}`. Nothing was shared. "
            f"{suggestion(upload.data_set, known)}"
        )
    if not 0 < upload.most_bytes <= _MOST_BYTES:
        raise ConfigError(f"A form takes 1 to {_MOST_BYTES:,} bytes, not {upload.most_bytes:,}. Nothing was shared.")
    if "/" in upload.name or upload.name in (".", "..") or "${" in upload.name:
        raise ConfigError(f"`{upload.name}` is not a file name. Nothing was shared.")
    folder = f"{INBOX}/{upload.data_set}/{upload.period}/"
    until = signer.until(now, terms.duration)
    record = ShareRecord(
        id=new_id(), kind="upload", objects=(SharedObject(key=folder + upload.name),), to=terms.to,
        signed_by=signer.access_key, created_at=now, until=until,
    )  # fmt: skip
    form = _form(lake, upload, folder, signer, max(int((until - now).total_seconds()), 1))
    store_record(lake.store, record)
    return UploadForm(record, form["url"], form["fields"])


def _form(lake: Lake, upload: Upload, folder: str, signer: Signer, seconds: int) -> Any:
    prefix = lake.store.at(folder)
    kind = upload.content_type or guess_type(upload.name)[0] or _ANY
    # S3 checks only fields that are also conditions, so each field is added to the conditions. boto3 adds the key's: equal to
    # the name, or where it ends in `${filename}`, beginning with the folder.
    conditions: list[Any] = [["content-length-range", 1, upload.most_bytes], {"Content-Type": kind}]
    return signer.client.generate_presigned_post(
        lake.store.layers.of(folder),
        prefix + (upload.name or "${filename}"),
        Fields={"Content-Type": kind},
        Conditions=conditions,
        ExpiresIn=seconds,
    )


def _is_dropped(contract: Contract) -> bool:
    return (contract.source or "").startswith(_SOURCE)
