"""Rebuild of one period and of everything built from it: all steps after landing."""

from collections.abc import Iterator

from lakeworks.contract import all_tables
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.transform.sql import load_sql, upstream


def rebuild(lake: Lake, table: str, period: Period, run: Run) -> RunRecord:
    """Write, audit and publish a period from landed or published inputs. Return the run's record.

    Raises:
        LakeError: whatever the steps raise; live data is as it was.
    """
    return publish(lake, audit(lake, write(lake, table, period, run).key).key)


def downstream(lake: Lake, table: str) -> list[str]:
    """Return every table built from this one, directly or not, in the order to rebuild them."""
    reads = {name: _inputs(lake, name) for name in all_tables()}
    affected = {table}
    while grown := {name for name, inputs in reads.items() if inputs & affected} - affected:
        affected |= grown
    return list(_ordered({name: reads[name] & affected for name in affected - {table}}, {table}))


def _inputs(lake: Lake, name: str) -> set[str]:
    sql = load_sql(lake.contract(name))
    return {str(item) for item in upstream(sql)} if sql else set()


def _ordered(reads: dict[str, set[str]], built: set[str]) -> Iterator[str]:
    while ready := sorted(name for name, inputs in reads.items() if name not in built and inputs <= built):
        yield from ready
        built |= set(ready)
