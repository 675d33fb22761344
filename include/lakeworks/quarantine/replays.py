"""Replays: list quarantined rows and their reasons, and replay them once contract, transform or source is repaired."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakeworks.contract import Contract
from lakeworks.core.layout import QUARANTINE, join
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.pipeline.downstream_rebuild import downstream, rebuild
from lakeworks.pipeline.quarantine_storage import RUN_ORDER
from lakeworks.s3.object_store import StoredObject
from lakeworks.status.table_summary import latest_runs

_KEY = re.compile(r"period=([^/]+)/([^/]+)\.parquet$")


@dataclass(frozen=True)
class QuarantinedPeriod:
    """The rows a period's newest attempt quarantined; `published` says whether its other rows went live."""

    period: str
    key: str
    rows: int
    published: bool
    balance: RowBalance | None


@dataclass(frozen=True)
class Replay:
    """A period's rows before and after."""

    period: str
    before: QuarantinedPeriod
    record: RunRecord
    rebuilt: tuple[str, ...]

    @property
    def rejoined(self) -> int:
        """Return the number of rows no longer quarantined: a difference of counts, which changed inputs change too."""
        return self.before.rows - self.record.balance.quarantined


def list_quarantined(lake: Lake, contract: Contract) -> list[QuarantinedPeriod]:
    """Return the quarantined rows of each period. A period whose later run quarantined nothing is not listed."""
    records = latest_runs(lake, contract)
    periods: dict[str, list[StoredObject]] = {}
    for item in lake.store.scan(join(QUARANTINE, contract.table.path) + "/"):
        if match := _KEY.search(item.key):
            periods.setdefault(match[1], []).append(item)
    described = (
        _described(lake, period, _newest(lake, items), records.get(period)) for period, items in sorted(periods.items())
    )
    return [item for item in described if item is not None]


def quarantined_by(record: RunRecord) -> QuarantinedPeriod | None:
    """Return the rows that a published run quarantined; None where it quarantined none."""
    if record.quarantine is None:
        return None
    return QuarantinedPeriod(
        record.period, record.quarantine.key, record.quarantine.rows, published=True, balance=record.balance
    )


def _newest(lake: Lake, items: list[StoredObject]) -> StoredObject:
    """Return the newest attempt. S3 timestamps have one-second resolution: within a second take the later run's."""
    last = max(_written(item) for item in items)
    close = [item for item in items if last - _written(item) <= timedelta(seconds=1)]
    return close[0] if len(close) == 1 else max(close, key=lambda item: _order(lake.store.head(item.key)))


def _described(lake: Lake, period: str, item: StoredObject, record: RunRecord | None) -> QuarantinedPeriod | None:
    if record is not None and (quarantined := quarantined_by(record)) and quarantined.key == item.key:
        return quarantined
    head = lake.store.head(item.key)
    if head is None or (record is not None and _order(head) <= record.run.order):
        return None  # a later run was published and decides
    return QuarantinedPeriod(
        period, item.key, int(head.metadata.get("lakeworks-rows", 0)), published=False, balance=None
    )


def _order(head: StoredObject | None) -> str:
    return head.metadata.get(RUN_ORDER, "") if head else ""


def _written(item: StoredObject) -> datetime:
    return item.modified or datetime.min.replace(tzinfo=UTC)


def covering(lake: Lake, contract: Contract, period: Period) -> QuarantinedPeriod:
    """Return the quarantined rows of a period, or of the run that it was part of (a month's, for one of its days).

    Raises:
        LakeNotFound: nothing is in quarantine there.
    """
    by_period = {Period.parse(item.period): item for item in list_quarantined(lake, contract)}
    around = [each for each in by_period if each.start <= period.start and period.end <= each.end]
    if not around:
        raise LakeNotFound(
            f"`{contract.name}` {period} has no quarantined rows. Quarantined periods: lakeworks quarantine list "
            f"{contract.name}"
        )
    return by_period[min(around, key=lambda each: each.end - each.start)]


def find(lake: Lake, contract: Contract, period: Period) -> QuarantinedPeriod:
    """Return the quarantined rows of the run of one period.

    Raises:
        LakeNotFound: nothing is in quarantine there, or the run was of a longer period.
    """
    quarantined = covering(lake, contract, period)
    if quarantined.period != str(period):
        raise LakeNotFound(
            f"`{contract.name}` {period} was part of the run of {quarantined.period}. Only the whole run can be "
            f"replayed. Nothing was changed. Run: lakeworks quarantine replay {contract.name} {quarantined.period}"
        )
    return quarantined


def replay(
    lake: Lake, contract: Contract, period: Period, *, with_downstream: bool = False, run: Run | None = None
) -> Replay:
    """Rebuild the period with today's contract and transform. Rows that keep the rules now rejoin; others stay quarantined.

    The whole period is rebuilt from its inputs, because a row that rejoins can change others (duplicates, aggregates); so the
    balance of the new run holds over all rows, and replaying twice changes nothing.

    Raises:
        LakeNotFound: nothing is in quarantine, or an input of the period is gone.
        LakeError: whatever the steps raise; live data and quarantine are as they were.
    """
    before = find(lake, contract, period)
    now = datetime.now(UTC)
    run = run or Run(id=f"replay__{now:%Y%m%dT%H%M%S%f}", started_at=now)
    record = rebuild(lake, contract.name, period, run)
    after = tuple(downstream(lake, contract.name)) if with_downstream else ()
    for table in after:
        rebuild(lake, table, period, run)
    return Replay(str(period), before, record, after)
