"""Changes of a run's inputs since its last run."""

from lakeworks.contract import Contract
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import load_run_record
from lakeworks.pipeline.inputs import live_input
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.transform.fingerprints import code_fingerprint
from lakeworks.transform.sql import load_sql, upstream


def has_news(lake: Lake, contract: Contract, period: Period) -> bool:
    """Return True if a run of the period would read other publications than its last run did, or by other code.

    Without an earlier run, return whether there is any input. Do not use it for tables with `late_data`: their inputs depend
    on what arrived.
    """
    sources = [lake.contract(str(name)) for name in upstream(load_sql(contract) or "")]
    now = {
        (source.name, partition.path, entry.live_seq)
        for source in sources
        for partition, entry in live_input(lake, contract, period, source).items()
    }
    index = PartitionIndex(lake)
    last = index.runs(contract).get(str(period))
    if last is None:
        return bool(now)
    record = load_run_record(lake.store, run_key(contract.table, period, last[1]))
    if record.contract_version != contract.version or not code_fingerprint(contract, lake.contract).made(record.code):
        return True
    before = {(item.name, item.partition, item.seq) for item in record.inputs if item.seq is not None}
    gone = before - now
    if gone:  # an input that only expired is no reason for a rebuild with fewer rows
        kept = {
            (source.name, part.path, known.publication)
            for source in sources
            for part, known in index.expired(source).items()
        }
        gone -= kept
    return bool(now - before or gone)
