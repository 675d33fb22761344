"""What a run reads of its upstream tables, and whether that is other than what its last run read."""

from datetime import timedelta

from lakeworks.contract import Contract, InputRule
from lakeworks.layout import run_key
from lakeworks.partition import Partition, Period
from lakeworks.pipeline.facts import Facts
from lakeworks.pipeline.lake import Lake
from lakeworks.sql import load_sql, upstream
from lakeworks.storage.ledger import LedgerEntry
from lakeworks.storage.manifest import load_manifest


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


def has_news(lake: Lake, contract: Contract, period: Period) -> bool:
    """Whether a run of the period would read other publications than its last run did, or has another contract.

    Without a run before, whether there is anything to read at all. Not for tables with `rebuilds`: what they read depends on
    what arrived.
    """
    sources = [lake.contract(str(name)) for name in upstream(load_sql(contract) or "")]
    now = {
        (source.name, partition.path, entry.live_seq)
        for source in sources
        for partition, entry in live_input(lake, contract, period, source).items()
    }
    last = Facts(lake).runs(contract).get(str(period))
    if last is None:
        return bool(now)
    record = load_manifest(lake.store, run_key(contract.table, period, last[1]))
    return record.contract_version != contract.version or now != {
        (item.name, item.partition, item.seq) for item in record.inputs
    }
