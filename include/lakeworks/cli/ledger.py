"""`lakeworks ledger`: what was published."""

from typing import Annotated

import typer

from lakeworks.cli.connect import connect
from lakeworks.cli.output import AsJson, emit
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.errors import LakeNotFound
from lakeworks.partition import Partition, Period
from lakeworks.pipeline.lake import Lake
from lakeworks.pipeline.summary import summarise
from lakeworks.storage.ledger import LedgerEntry

TableOption = Annotated[str | None, typer.Argument(help="<layer>.<domain>.<table>; every table without it")]
PartitionOption = Annotated[str | None, typer.Argument(help="2019-01-05, or year=2019/month=01/day=05")]


def ledger(table: TableOption = None, partition: PartitionOption = None, as_json: AsJson = False) -> None:
    """Show what is live: a line a table, a line a partition of one table, or the history of one partition."""
    lake = connect()
    if table is None:
        rows = [summarise(lake, load_contract(name)).as_dict() for name in all_tables()]
        emit(rows, as_json=as_json, title="Ledger")
        return
    contract = load_contract(table)
    if partition is None:
        live = lake.ledger.live_partitions(contract.table)
        emit([_line(entry) for entry in live.values()], as_json=as_json, title=f"{table}: live partitions")
        return
    entries = _history(lake, contract, partition)
    emit([_line(entry) for entry in entries], as_json=as_json, title=f"{table} {partition}: publications")


def history(
    table: Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)],
    partition: Annotated[str, typer.Argument(help="2019-01-05, or year=2019/month=01/day=05", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show every publication of a partition, oldest first."""
    ledger(table, partition, as_json)


def parse_partition(contract: Contract, text: str) -> Partition:
    """A partition as a person types it: its Hive path, or a month, day or hour.

    Raises:
        PartitionKeyError: it is neither.
    """
    if "=" in text:
        return Partition.parse(text)
    if not contract.partition_by:
        return Partition()
    return Partition.of_period(Period.parse(text, contract.partition_by[-1].transform))


def _history(lake: Lake, contract: Contract, text: str) -> list[LedgerEntry]:
    found = lake.ledger.history(contract.table, parse_partition(contract, text))
    if not found:
        raise LakeNotFound(f"`{contract.name}` {text} was never published. What is: lakeworks ledger {contract.name}")
    return found


def _line(entry: LedgerEntry) -> dict[str, object]:
    return {
        "partition": str(entry.parsed),
        "publication": entry.seq,
        "state": entry.state,
        "live": entry.live_seq,
        "rows": entry.rows,
        "bytes": entry.size,
        "content": entry.content[:12],
        "version": (entry.objects[0].version_id or "")[:12] if entry.objects else "",
        "audit": "passed" if (entry.audit or {}).get("passed") else "-",
        "run": entry.run.id,
    }
