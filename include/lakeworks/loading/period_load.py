"""Load files into one period of a table: check each, land them, write, audit, publish. No Airflow is needed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from lakeworks.contract import Contract
from lakeworks.core.file_selection import Selection
from lakeworks.core.layout import partition_of
from lakeworks.core.partition import GRAINS, Period
from lakeworks.errors import ContractError, FencedError, FileRefused, LostRace, PartitionKeyError
from lakeworks.formats.options import FormatOptions
from lakeworks.lake import Lake
from lakeworks.landing.delivered_files import landed_file
from lakeworks.landing.fetches import Fetches
from lakeworks.landing.files import prefix
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.loading.delivery import Delivery
from lakeworks.loading.file_check import FileCheck, check_file
from lakeworks.loading.report import FileOutcome, LoadReport
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.pipeline.fetch_step import land

_SOURCE = "file_drop"
_TURNS = 4


def unheard(_: int) -> None:
    """Ignore the event."""


@dataclass(frozen=True)
class Progress:
    """Listeners for bytes read, bytes arrived, and the start of each step."""

    read: Callable[[int], None] = unheard
    sent: Callable[[int], None] = unheard
    step: Callable[[str], None] = lambda _: None


def check_destination(contract: Contract, key: str) -> Period:
    """Return the period that files can be loaded into.

    Raises:
        ContractError: the table takes no files.
        PartitionKeyError: the key is no period, or of a grain that the table does not have.
    """
    source = (contract.source or "").partition(".")[0]
    if source != _SOURCE:
        why = f"its `source` is `{contract.source}`" if contract.source else "it is built from other tables"
        raise ContractError(
            f"`{contract.name}` takes no files: {why}. Nothing was loaded. Files go into tables with `source: "
            f"{_SOURCE}.<data set>`. Add such a table with `lakeworks table new`, and read it in your SQL."
        )
    fields = contract.time_fields
    if not fields:
        return Period.parse(key)
    period, grain = Period.parse(key), fields[0].transform
    coarser = fields[0].column is not None and GRAINS.index(period.grain) < GRAINS.index(grain)
    if period.grain != grain and not coarser:
        raise PartitionKeyError(
            f"`{key}` is not a {grain}, and `{contract.name}` is partitioned by {grain} (`{fields[0]}`). Nothing "
            f"was loaded. Name the {grain}, like {Period.containing(period.start, grain)}."
        )
    return period


def refuse_mixed(lake: Lake, contract: Contract, period: Period) -> None:
    """Refuse a period that overlaps one of another grain: each run would replace the other's rows with its own files.

    Raises:
        PartitionKeyError: files of such a period are landed.
    """
    fields = contract.time_fields
    if not fields or fields[0].column is None:
        return
    own = prefix(contract, period)
    finer = next((item.key for item in lake.store.scan(own) if not item.key.startswith(f"{own}fetch=")), None)
    around = [
        prefix(contract, Period.containing(period.start, grain)) for grain in GRAINS[: GRAINS.index(period.grain)]
    ]
    other = finer or next((item.key for place in around for item in lake.store.scan(f"{place}fetch=")), None)
    if other:
        landed = partition_of(other.partition("fetch=")[0])
        raise PartitionKeyError(
            f"`{contract.name}` {period}: files of {landed} are landed already, and the two overlap. Nothing was loaded. "
            f"Load by the grain of {landed}."
        )


def check_files(contract: Contract, selection: Selection, heard: Progress = Progress()) -> list[FileCheck]:
    """Check every file; needs no lake."""
    options = FormatOptions.among(contract.source_options)
    return [check_file(contract, file, options, heard.read) for file in selection.files]


def load_files(
    lake: Lake,
    contract: Contract,
    period: Period,
    checks: Sequence[FileCheck],
    *,
    heard: Progress = Progress(),
    keep_going: bool = False,
) -> LoadReport:
    """Land the checked files, and publish the period with them.

    Files under a name that the period has already take its place; all others of the period stay. The same files again change
    nothing. A load that was killed is run again: it goes on from what is landed.

    Raises:
        FileRefused: a file does not keep the contract; with `keep_going` the others are loaded instead.
        DeliveryShrank: a file has far fewer rows than the one it would replace.
        LakeError: whatever the steps raise; live data is as it was.
    """
    good, run = refuse(contract, checks, keep_going=keep_going), _run()
    refuse_mixed(lake, contract, period)
    heard.step("landing")
    delivery = Delivery([item.as_checked() for item in good], heard.sent)
    land(lake, contract, period, run, delivery)
    heard.step("publishing")
    record = _published(lake, contract, period, run)
    same = delivery.same or set()
    files = [FileOutcome(item, "same" if item.file.name in same else "loaded") for item in good] + [
        FileOutcome(item, "failed", first_reason(item)) for item in checks if item.is_refused
    ]
    return LoadReport(contract.name, str(period), files, record=record)


def _published(lake: Lake, contract: Contract, period: Period, run: Run) -> RunRecord:
    """Publish the landed files. A later, faster run may have published already, perhaps without these files."""
    for _ in range(_TURNS - 1):
        try:
            return rebuild(lake, contract.name, period, run)
        except (FencedError, LostRace):
            run = _run()
    return rebuild(lake, contract.name, period, run)


def preview(lake: Lake, contract: Contract, period: Period, checks: Sequence[FileCheck]) -> LoadReport:
    """Return what a load would do with each file; nothing is sent."""
    newest = Fetches.below(lake, prefix(contract, period)).newest()
    landed = [landed_file(item) for item in (newest.answers if newest else ())]
    return judged(contract, period, checks, {item.name: item.content for item in landed if item})


def judged(
    contract: Contract, period: Period, checks: Sequence[FileCheck], known: Mapping[str, str] | None = None
) -> LoadReport:
    """Return each file's check; `known` are the landed contents, by name."""
    results = known or {}
    files = [
        FileOutcome(item, "failed", first_reason(item))
        if item.is_refused
        else FileOutcome(item, "same" if results.get(item.file.name) == item.content else "ready")
        for item in checks
    ]
    return LoadReport(contract.name, str(period), files)


def refuse(contract: Contract, checks: Sequence[FileCheck], *, keep_going: bool) -> list[FileCheck]:
    """Return the files that keep the contract.

    Raises:
        FileRefused: one does not, and the others are not to be loaded without it; or none does.
    """
    good = [item for item in checks if not item.is_refused]
    bad = [item for item in checks if item.is_refused]
    if not bad or (keep_going and good):
        return good
    reasons = "; ".join(f"`{item.file.name}`: {first_reason(item)}" for item in bad[:3])
    raise FileRefused(
        f"{len(bad)} of {len(checks)} files do not keep the contract of `{contract.name}`: {reasons}"
        f"{'; …' if len(bad) > 3 else ''}. Nothing was loaded. See every line with `--check`; correct the files, or load the "
        "others with `--keep-going`."
    )


def first_reason(item: FileCheck) -> str:
    """Return the first finding of a refused file, and how many more there are."""
    refused, more = item.first_refused, item.counts["refused"] - 1
    assert refused is not None  # noqa: S101 - the file is refused
    rule = f"({refused.rule}; {more} more)" if more else f"({refused.rule})"
    return " ".join(part for part in (refused.place, refused.says.rstrip("."), rule) if part)


def _run() -> Run:
    now = datetime.now(UTC)
    return Run(id=f"load__{now:%Y%m%dT%H%M%S%f}-{uuid4().hex[:8]}", started_at=now)
