"""`lakeworks quarantine list|show|replay`: rows that were set aside."""

import json
from typing import Annotated, Any

import typer

from lakeworks.cli.connection import connect
from lakeworks.cli.explore.ledger import parse_partition
from lakeworks.cli.output import AsJson, emit
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import PartitionKeyError
from lakeworks.lake import Lake
from lakeworks.pipeline.rebuild import downstream
from lakeworks.quarantine import replay as rows_aside
from lakeworks.quarantine.rows import rows, rows_of

TableArgument = Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)]
PeriodArgument = Annotated[
    str, typer.Argument(help="the run's partition key, e.g. 2019-01, or a partition", show_default=False)
]


def list_quarantined(
    table: Annotated[str | None, typer.Argument(help="<layer>.<domain>.<table>; every table without it")] = None,
    as_json: AsJson = False,
) -> None:
    """List quarantined rows and the broken rules."""
    lake = connect()
    found = [
        {
            "table": name,
            "period": item.period,
            "rows": item.rows,
            "of": item.balance.read if item.balance else None,
            "rules": _rules(item.balance.broken if item.balance else {}),
            "the others": "published" if item.published else "not published",
        }
        for name in ([table] if table else all_tables())
        for item in rows_aside.list_quarantined(lake, load_contract(name))
    ]
    emit(found, as_json=as_json, title="Quarantine")


def show_quarantined(
    table: TableArgument,
    period: PeriodArgument,
    limit: Annotated[int, typer.Option(help="rows to show")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show quarantined rows with their reasons.

    Takes the period of a run, or one partition. All columns with --json.
    """
    lake, contract = connect(), load_contract(table)
    wanted = parse_partition(contract, period) if "=" in period else Period.parse(period)
    found = rows_aside.covering(lake, contract, _period(contract, period))
    first, of = _rows(lake, contract, found, wanted, limit)
    shown = [_withheld(row, contract) for row in first]
    leading = ("_reason", "_broken_rules", *contract.grain, "_row")
    emit(
        [{**{key: row[key] for key in leading if key in row}, **(row if as_json else {})} for row in shown],
        as_json=as_json,
        title=f"{table} {wanted}: {len(shown)} of {of} rows in {lake.store.uri(found.key)}",
    )


def _rows(
    lake: Lake, contract: Contract, found: rows_aside.QuarantinedPeriod, wanted: Partition | Period, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """The first rows of what was typed, and how many there are; what a run set aside beside them is told."""
    if str(wanted) == found.period and isinstance(wanted, Period):
        return rows(lake, found, limit), found.rows
    part = rows_of(lake, contract, found, wanted, limit)
    told = f"{wanted} was part of the run of {found.period}." if str(wanted) != found.period else ""
    if part.elsewhere or part.unknown:
        cut_by = ", ".join(f"`{field.column}`" for field in contract.partition_by if field.column)
        told += (
            f" Left out: {part.elsewhere} rows of other partitions, {part.unknown} rows that do not say of which they are "
            f"({cut_by}). All of them: lakeworks quarantine show {contract.name} {found.period}"
        )
    if told:
        typer.echo(told.strip(), err=True)
    return part.first, part.here


def replay_quarantined(
    table: TableArgument,
    period: PeriodArgument,
    with_downstream: Annotated[
        bool, typer.Option("--downstream", help="Rebuild the tables built from it, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild a period by the current rules.

    Uses the current contract and SQL. Rows that keep the rules now are published with the others.
    """
    lake, contract = connect(), load_contract(table)
    done = rows_aside.replay(lake, contract, _period(contract, period), with_downstream=with_downstream)
    balance = done.record.balance
    row = {
        "table": table,
        "period": done.period,
        "set aside before": done.before.rows,
        "rejoined": done.rejoined,
        "set aside now": balance.quarantined,
        "read": balance.read,
        "staged": balance.staged,
        "deduplicated": balance.deduplicated,
        "partitions": done.record.outcome,
    }
    emit([row], as_json=as_json, title="Replayed")
    waiting = [name for name in downstream(lake, table) if name not in done.rebuilt]
    if waiting and not as_json:
        typer.echo(
            f"Built from it, not rebuilt: {', '.join(waiting)}. Run them for {done.period}, or add --downstream."
        )


def _period(contract: Contract, text: str) -> Period:
    """A period as typed, or the one a partition's path names."""
    if "=" not in text:
        return Period.parse(text)
    period = parse_partition(contract, text).period
    if period is None:
        raise PartitionKeyError(
            f"`{text}` names no month, day or hour, and rows are set aside by those of runs. Nothing was changed. "
            f"What there is: lakeworks quarantine list {contract.name}"
        )
    return period


def _rules(broken: dict[str, int]) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in sorted(broken.items(), key=lambda item: -item[1]))


def _withheld(row: dict[str, Any], contract: Contract) -> dict[str, Any]:
    """The row without the values of columns with personal data, which a row set aside on arrival has in its text."""
    private = {name.lower() for name, column in contract.columns.items() if column.pii}
    if not private:
        return row
    shown = {key: "(withheld)" if key.lower() in private and value is not None else value for key, value in row.items()}
    if "_row" in row and "_row" not in contract.columns:
        shown["_row"] = json.dumps(_withheld(json.loads(row["_row"]), contract), ensure_ascii=False)
    return shown
