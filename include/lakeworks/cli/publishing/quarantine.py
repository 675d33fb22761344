"""`lakeworks quarantine list|show|replay`: rows that broke a rule."""

from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson, OptionalTable, TableArgument
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit, say
from lakeworks.cli.progress import track, waiting
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import PartitionKeyError
from lakeworks.lake import Lake
from lakeworks.pipeline.downstream_rebuild import downstream
from lakeworks.quarantine.quarantined_rows import rows, rows_of, without_protected
from lakeworks.quarantine.replays import QuarantinedPeriod, covering, replay
from lakeworks.quarantine.replays import list_quarantined as quarantined_periods

RunPeriodArgument = Annotated[
    str, typer.Argument(help="the run's partition key, e.g. 2019-01, or a partition", show_default=False)
]


def list_quarantined(table: OptionalTable = None, as_json: AsJson = False) -> None:
    """List quarantined rows and the broken rules."""
    lake = connect()
    periods = [
        {
            "table": name,
            "period": item.period,
            "rows": item.rows,
            "of": item.balance.read if item.balance else None,
            "rules": _rules(item.balance.broken if item.balance else {}),
            "other rows": "published" if item.published else "not published",
        }
        for name in track([table] if table else all_tables(), "Reading the quarantine of")
        for item in quarantined_periods(lake, load_contract(name))
    ]
    emit(periods, as_json=as_json, title="Quarantine", layout=Layout(extra=("other rows",)))


def show_quarantined(
    table: TableArgument,
    period: RunPeriodArgument,
    limit: Annotated[int, typer.Option(help="rows to show")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show quarantined rows with their reasons.

    Takes the period of a run, or one partition. All columns with --json.
    """
    lake, contract = connect(), load_contract(table)
    chosen = contract.parse_partition(period) if "=" in period else Period.parse(period)
    with waiting(f"Reading the quarantine of {table}"):
        quarantined = covering(lake, contract, _period(contract, period))
        first, of = _rows(lake, contract, quarantined, chosen, limit)
    shown = [without_protected(row, contract) for row in first]
    leading = ("_reason", "_broken_rules", *contract.grain, "_row")
    emit(
        [{**{key: row[key] for key in leading if key in row}, **(row if as_json else {})} for row in shown],
        as_json=as_json,
        title=f"{table} {chosen}: {len(shown)} of {of} rows in {lake.store.uri(quarantined.key)}",
        layout=Layout(exact=True, extra=("_row",)),
    )


def _rows(
    lake: Lake, contract: Contract, quarantined: QuarantinedPeriod, chosen: Partition | Period, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Return the first rows of the typed period or partition, and their count. Note other quarantined rows on stderr."""
    if str(chosen) == quarantined.period and isinstance(chosen, Period):
        return rows(lake, quarantined, limit), quarantined.rows
    part = rows_of(lake, contract, quarantined, chosen, limit)
    note = f"{chosen} was part of the run of {quarantined.period}." if str(chosen) != quarantined.period else ""
    if part.elsewhere or part.unknown:
        columns = ", ".join(f"`{field.column}`" for field in contract.partition_by if field.column)
        note += (
            f" Left out: {part.elsewhere} rows of other partitions, {part.unknown} rows without a partition value "
            f"({columns}). All of them: lakeworks quarantine show {contract.name} {quarantined.period}"
        )
    if note:
        say(note.strip(), to_stderr=True)
    return part.first, part.here


def replay_quarantined(
    table: TableArgument,
    period: RunPeriodArgument,
    with_downstream: Annotated[bool, typer.Option("--downstream", help="Rebuild downstream tables too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild a period by the current rules.

    Uses the current contract and SQL. Rows that keep the rules now are published with the others.
    """
    lake, contract = connect(), load_contract(table)
    with waiting(f"Rebuilding {table} {period}"):
        done = replay(lake, contract, _period(contract, period), with_downstream=with_downstream)
    balance = done.record.balance
    row = {
        "table": table,
        "period": done.period,
        "quarantined before": done.before.rows,
        "rejoined": done.rejoined,
        "quarantined now": balance.quarantined,
        "read": balance.read,
        "staged": balance.staged,
        "deduplicated": balance.deduplicated,
        "partitions": done.record.outcome,
    }
    emit([row], as_json=as_json, title="Replayed", layout=Layout(extra=("read", "staged", "deduplicated")))
    outdated = [name for name in downstream(lake, table) if name not in done.rebuilt]
    if outdated and not as_json:
        say(
            f"Downstream tables that were not rebuilt: {', '.join(outdated)}. Run them for {done.period}, or add "
            "--downstream."
        )


def _period(contract: Contract, text: str) -> Period:
    """Return the period as typed, or the one a partition's path names."""
    if "=" not in text:
        return Period.parse(text)
    period = contract.parse_partition(text).period
    if period is None:
        raise PartitionKeyError(
            f"`{text}` names no month, day or hour. A quarantine file belongs to a run's period. Nothing was "
            f"changed. Quarantined periods: lakeworks quarantine list {contract.name}"
        )
    return period


def _rules(broken: dict[str, int]) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in sorted(broken.items(), key=lambda item: -item[1]))
