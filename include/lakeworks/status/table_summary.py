"""Summary of a table from the ledger: current partitions, and the row balance of its periods."""

from dataclasses import asdict, dataclass
from typing import Any

from lakeworks.contract import Contract
from lakeworks.contract.evolution import wider
from lakeworks.core.lake_limits import arriving_fault
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Period
from lakeworks.core.types import LakeType
from lakeworks.lake import Lake
from lakeworks.ledger.ledger import leave_out
from lakeworks.ledger.run_record import RunRecord, readable_records
from lakeworks.status.partition_index import PartitionIndex

# A note for such a table, because its columns do not add up.
COUNTED_AGAIN = (
    "{tables}: later runs re-open earlier days here, and rows_in counts a row in each run that read it. Every run by itself is "
    "in balance, or it is not published."
)


@dataclass(frozen=True)
class TableSummary:
    """One table's line in the summary. Rows are summed over the latest published run of every period.

    In a table with `late_data` each run counts the rows of days it rebuilds, so only single runs balance.
    """

    table: str
    partitions: int
    rows_in: int
    published: int
    quarantined: int
    deduplicated: int
    bytes: int
    audit: str

    @property
    def counts_again(self) -> bool:
        """Return True if several runs read the same rows, so that the sums do not balance."""
        return self.rows_in != self.published + self.quarantined + self.deduplicated

    def as_dict(self) -> dict[str, Any]:
        """Return the row for `--json`."""
        return asdict(self)


def summarise(lake: Lake, contract: Contract) -> TableSummary:
    """Read a table's ledger."""
    live = lake.ledger.live_partitions(contract.table, on_unreadable=leave_out)
    runs = latest_runs(lake, contract)
    counted = list(runs.values())[-1:] if contract.is_owned_whole else list(runs.values())
    audits = [run.audit or {} for run in counted]
    warnings = sum(audit.get("warnings", 0) for audit in audits)
    return TableSummary(
        table=contract.name,
        partitions=len(live),
        rows_in=sum(run.balance.read for run in counted),
        published=sum(entry.rows for entry in live.values()),
        quarantined=sum(run.balance.quarantined for run in counted),
        deduplicated=sum(run.balance.deduplicated for run in counted),
        bytes=sum(entry.size for entry in live.values()),
        audit="-" if not audits else f"passed, {warnings} warnings" if warnings else "passed",
    )


def latest_runs(lake: Lake, contract: Contract) -> dict[str, RunRecord]:
    """Return the newest run record of every period, oldest run first."""
    keys = list(lake.ledger.runs(contract.table))
    records = sorted(readable_records(lake.store, keys), key=lambda run: run.run.order)
    return dict(sorted({run.period: run for run in records}.items(), key=lambda item: item[1].run.order))


def newest_run(index: PartitionIndex, contract: Contract) -> RunRecord | None:
    """Return the record of the last recorded run, from the index and one read; None if there is none."""
    runs = [
        (at, attempt, period) for key, (at, attempt) in index.runs(contract).items() if (period := Period.find(key))
    ]
    keys = [run_key(contract.table, period, attempt) for _, attempt, period in sorted(runs)[-1:]]
    return next(iter(readable_records(index.lake.store, keys)), None)


def arrived_columns(lake: Lake, contract: Contract) -> list[tuple[str, LakeType]]:
    """Return the extra columns that arrived without being in the contract, from the run records."""
    if contract.schema_policy == "freeze":
        return []
    known = {name.lower() for name in contract.columns}
    columns = dict[str, LakeType]()
    for run in latest_runs(lake, contract).values():
        for column in run.extra_columns:
            name, kind = column.name.lower(), LakeType.parse(column.type)
            columns[name] = wider(columns.get(name, kind), kind)
    return [
        (name, kind)
        for name, kind in columns.items()
        if name not in known and not arriving_fault(name, kind, contract.partition_keys)
    ]
