"""`lakeworks quarantine list|show|replay`: rows that were set aside."""

from typing import Annotated, Any

import typer

from lakeworks.cli.connect import connect
from lakeworks.cli.ledger import parse_partition
from lakeworks.cli.output import AsJson, emit
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.errors import PartitionKeyError
from lakeworks.partition import Period
from lakeworks.pipeline import quarantine as rows_aside
from lakeworks.pipeline.rebuild import downstream

app = typer.Typer(no_args_is_help=True, help="Rows that broke a rule: list them, look at them, replay them.")
TableArgument = Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)]
PeriodArgument = Annotated[
    str, typer.Argument(help="the run's partition key, e.g. 2019-01, or a partition", show_default=False)
]


@app.command("list")
def list_(
    table: Annotated[str | None, typer.Argument(help="<layer>.<domain>.<table>; every table without it")] = None,
    as_json: AsJson = False,
) -> None:
    """List what was set aside per period, with the rules that were broken."""
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
        for item in rows_aside.set_aside(lake, load_contract(name))
    ]
    emit(found, as_json=as_json, title="Quarantine")


@app.command()
def show(
    table: TableArgument,
    period: PeriodArgument,
    limit: Annotated[int, typer.Option(help="rows to show")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the rows of a period, or of the run a partition is from, with their reasons; all columns with --json."""
    lake, contract = connect(), load_contract(table)
    wanted = _period(contract, period)
    found = rows_aside.covering(lake, contract, wanted)
    if found.period != str(wanted):
        typer.echo(f"{wanted} was part of the run of {found.period}: its rows are shown, of every partition.", err=True)
    shown = [_withheld(row, contract) for row in rows_aside.rows(lake, found, limit)]
    first = ("_reason", "_broken_rules", *contract.grain, "_row")
    emit(
        [{**{key: row[key] for key in first if key in row}, **(row if as_json else {})} for row in shown],
        as_json=as_json,
        title=f"{table} {found.period}: {len(shown)} of {found.rows} rows in {lake.store.uri(found.key)}",
    )


@app.command()
def replay(
    table: TableArgument,
    period: PeriodArgument,
    with_downstream: Annotated[
        bool, typer.Option("--downstream", help="Rebuild the tables built from it, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build the period anew by today's contract and transform; rows that keep the rules now rejoin."""
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


def _withheld(row: dict[str, Any], contract: Any) -> dict[str, Any]:
    """The row without the values of columns with personal data."""
    private = {name for name, column in contract.columns.items() if column.pii}
    return {key: "(withheld)" if key in private and value is not None else value for key, value in row.items()}
