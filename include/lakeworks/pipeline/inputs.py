"""The publications of its upstream tables that a run reads."""

from datetime import timedelta

from lakeworks.contract import Contract, InputRule
from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.ledger import LedgerEntry


def live_input(lake: Lake, contract: Contract, period: Period, source: Contract) -> dict[Partition, LedgerEntry]:
    """What is live of an upstream table and read by a run: of its period, of so many before, or all of it."""
    rule = contract.inputs.get(source.name, InputRule())
    if rule.whole:
        return lake.ledger.live_partitions(source.table)
    if rule.look_back_days:
        return lake.live_between(source, period.start - timedelta(days=rule.look_back_days), period.end)
    return {
        partition: entry
        for wanted in period.with_earlier(contract.look_back_periods)
        for partition, entry in lake.live(source, wanted).items()
    }
