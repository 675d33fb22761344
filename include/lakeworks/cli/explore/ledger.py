"""`lakeworks ledger`: what was published."""

from typing import Annotated

import typer

from lakeworks.cli.connection import connect
from lakeworks.cli.output import AsJson, emit
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LakeNotFound, PartitionKeyError
from lakeworks.lake import Lake
from lakeworks.ledger.ledger import LedgerEntry
from lakeworks.status.table_summary import COUNTED_AGAIN, summarise

TableOption = Annotated[str | None, typer.Argument(help="<layer>.<domain>.<table>; every table without it")]
PartitionOption = Annotated[str | None, typer.Argument(help="2019-01-05, or year=2019/month=01/day=05")]


def show_ledger(table: TableOption = None, partition: PartitionOption = None, as_json: AsJson = False) -> None:
    """Show what is published: tables, partitions or one history.

    One line per table; with a table one line per partition; with a partition every publication of it.
    """
    lake = connect()
    if table is None:
        rows = [summarise(lake, load_contract(name)) for name in all_tables()]
        emit([row.as_dict() for row in rows], as_json=as_json, title="Ledger")
        again = [row.table for row in rows if row.counts_again and load_contract(row.table).rebuilds]
        if again:
            typer.echo(COUNTED_AGAIN.format(tables=", ".join(again)), err=True)
        return
    contract = load_contract(table)
    if partition is None:
        live = lake.ledger.live_partitions(contract.table)
        emit([_line(entry) for entry in live.values()], as_json=as_json, title=f"{table}: live partitions")
        return
    entries = _history(lake, contract, partition)
    emit([_line(entry) for entry in entries], as_json=as_json, title=f"{table} {partition}: publications")


def parse_partition(contract: Contract, text: str, lake: Lake | None = None) -> Partition:
    """Return a partition as a person types it: its Hive path, or a month, day or hour where nothing but time cuts the table.

    With a lake, the path of a partition is taken that the table cannot have and yet has: so that it can be withdrawn.

    Raises:
        PartitionKeyError: it is neither, is no time there is, or does not say everything that the table is cut by.
    """
    fields = contract.partition_by
    if "=" in text:
        partition = Partition.parse(text)
        if not contract.could_have(partition) and not (lake and lake.ledger.sequence(contract.table, partition)):
            raise _mistyped(contract, text)
        return partition
    if not fields:
        return Partition()
    if len(fields) > 1 or fields[0].transform == "identity":
        raise _mistyped(contract, text)
    return Partition.of_period(Period.parse(text, fields[0].transform))


def _mistyped(contract: Contract, text: str) -> PartitionKeyError:
    shown = {"year": "2019", "month": "01", "day": "05", "hour": "03"}
    timed = {key for field in contract.partition_by if field.transform != "identity" for key in field.keys}
    path = "/".join(f"{key}={shown[key] if key in timed else '…'}" for key in contract.partition_keys)
    wanted = (
        f"is cut by {', '.join(map(str, contract.partition_by))}: type a path like `{path}`"
        if path
        else ("is one partition: type `all`")
    )
    return PartitionKeyError(
        f"`{text}` is no partition of `{contract.name}`, which {wanted}. Nothing was changed. "
        f"What there is: lakeworks ledger {contract.name}"
    )


def _history(lake: Lake, contract: Contract, text: str) -> list[LedgerEntry]:
    found = lake.ledger.history(contract.table, parse_partition(contract, text, lake))
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
