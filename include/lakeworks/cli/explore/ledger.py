"""`lakeworks ledger`: what is published, in three depths: tables, partitions of one table, publications of one partition."""

from lakeworks.cli.arguments import AsJson, OptionalPartition, OptionalTable, find_partition
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit, say
from lakeworks.cli.progress import track
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import ApprovedBy, LedgerEntry
from lakeworks.ledger.ledger import leave_out
from lakeworks.status.table_summary import COUNTED_AGAIN, summarise

_LAYOUT = Layout(extra=("bytes", "live", "run", "version", "content"))


def show_ledger(table: OptionalTable = None, partition: OptionalPartition = None, as_json: AsJson = False) -> None:
    """Show what is published: tables, partitions or one history.

    One line per table; with a table one line per partition; with a partition every publication of it.
    """
    lake = connect()
    if table is None:
        _show_tables(lake, as_json=as_json)
    elif partition is None:
        _show_partitions(lake, load_contract(table), as_json=as_json)
    else:
        _show_publications(lake, load_contract(table), partition, as_json=as_json)


def _show_tables(lake: Lake, *, as_json: bool) -> None:
    contracts = [load_contract(name) for name in all_tables()]
    rows = [summarise(lake, contract) for contract in track(contracts, "Reading the ledger")]
    emit([row.as_dict() for row in rows], as_json=as_json, title="Ledger", layout=_LAYOUT)
    again = [row.table for row in rows if row.counts_again and load_contract(row.table).late_data]
    if again:
        say(COUNTED_AGAIN.format(tables=", ".join(again)), to_stderr=True)


def _show_partitions(lake: Lake, contract: Contract, *, as_json: bool) -> None:
    entries = lake.ledger.live_partitions(contract.table, on_unreadable=leave_out).values()
    title = f"{contract.name}: published partitions"
    emit([_line(entry) for entry in entries], as_json=as_json, title=title, layout=_LAYOUT)


def _show_publications(lake: Lake, contract: Contract, text: str, *, as_json: bool) -> None:
    entries = lake.ledger.history(contract.table, find_partition(lake, contract, text))
    if not entries:
        raise LakeNotFound(
            f"`{contract.name}` {text} was never published. Published partitions: lakeworks ledger {contract.name}"
        )
    title = f"{contract.name} {text}: publications"
    emit([_line(entry) for entry in entries], as_json=as_json, title=title, layout=_LAYOUT)


def _approved_for(approval: ApprovedBy) -> str:
    """Return when a person let a publication through, why someone had to, and the person's note."""
    note = f"; note: {approval.note}" if approval.note else ""
    return f"{approval.at:%Y-%m-%d %H:%M}: {'; '.join(approval.reasons)}{note}"


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
        **({"approved by": entry.approval.by, "approved for": _approved_for(entry.approval)} if entry.approval else {}),
    }
