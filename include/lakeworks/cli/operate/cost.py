"""`lakeworks cost`: the bill, the effect of a change, advice from logs, a simulated year."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from lakeworks.athena.history import past_queries
from lakeworks.cli.arguments import AsJson
from lakeworks.cli.cell_text import money
from lakeworks.cli.connection import client, connect
from lakeworks.cli.output import Layout, emit, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import Contract, load_contract
from lakeworks.cost import report as costs
from lakeworks.cost.bill import DIMENSIONS, grouped
from lakeworks.cost.cost_explorer import SERVICES, charged
from lakeworks.cost.file_advice import WORTH_USD, FileAdvice
from lakeworks.cost.partition_advice import Query, TableFacts, advise_partitions, read_log
from lakeworks.cost.proposal import Proposal
from lakeworks.cost.year_simulation import EXAMPLE, Year, load_scenario, waterfall
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.aws_partition import billing_region
from lakeworks.lake import Lake
from lakeworks.ledger.ledger import leave_out
from lakeworks.prices import load_price_book
from lakeworks.settings import current_settings

InventoryOption = Annotated[
    str | None, typer.Option(help="manifest.json of an S3 Inventory (s3://…) instead of a listing")
]
Logs = Annotated[str | None, typer.Option(help="S3 server access logs: s3://bucket/prefix/")]

_MONEY = ("storage_usd", "monitoring_usd", "tags_usd", "requests_usd", "transitions_usd", "retrieval_usd")
_BILL = Layout(extra=("objects", "old_version_bytes", *_MONEY))


def show_bill(
    month: Annotated[str | None, typer.Option(help="a calendar month, e.g. 2026-11; default: the run rate")] = None,
    by: Annotated[str, typer.Option(help=f"comma-separated: {', '.join(DIMENSIONS)}")] = "layer,domain,table",
    depth: Annotated[int, typer.Option(help="folders of a prefix, for `--by prefix`", min=1)] = 1,
    inventory: InventoryOption = None,
    logs: Logs = None,
    as_json: AsJson = False,
) -> None:
    """Show the bill of a month (the default of `lakeworks cost`).

    Bytes, objects, storage, monitoring, requests, transitions and retrieval. `--by prefix --depth 3` also shows objects that
    belong to no table.
    """
    dimensions = [part.strip() for part in by.split(",")]
    if unknown := [part for part in dimensions if part not in DIMENSIONS]:
        raise ConfigError(
            f"`{', '.join(unknown)}` is no dimension to group by. Nothing was computed. Known: {', '.join(DIMENSIONS)}."
        )
    ask = replace(_ask(month, inventory, logs), depth=depth if "prefix" in dimensions else 0)
    lake = connect()
    with waiting("Listing objects"):
        lines = grouped(costs.bill(lake, ask), dimensions)
    rows = [{**_rounded(vars(line)), "total_usd": round(line.total_usd, 6)} for line in lines]
    shown = [
        {name: value for name, value in row.items() if name not in DIMENSIONS or name in dimensions} for row in rows
    ]
    total = sum(line.total_usd for line in lines)
    title = f"{month or 'A month at the present rate'}: {money(total)}, {ask.region}, prices of {ask.book.as_of}"
    emit(shown, as_json=as_json, title=title, layout=_BILL)


def compare_bills(
    lifecycle: Annotated[
        str, typer.Option(help="`contracts` (their retention), or 30:STANDARD_IA,90:GLACIER_IR,365:expire")
    ] = "",
    compression: Annotated[
        float, typer.Option(help="bytes after rewriting, as a share of today's bytes", min=0.01)
    ] = 1.0,
    compact_mb: Annotated[int | None, typer.Option(help="merge a folder's files up to this size", min=1)] = None,
    layer: Annotated[str, typer.Option(help="only these layers, e.g. bronze,silver")] = "",
    inventory: InventoryOption = None,
    as_json: AsJson = False,
) -> None:
    """Compare the bill before and after a change.

    The change is a lifecycle, a compression or a compaction. Shows when it has paid for itself.
    """
    layers = tuple(filter(None, layer.split(",")))
    proposal = Proposal(
        costs.typed_lifecycle(lifecycle), compression, compact_mb * (1 << 20) if compact_mb else None, layers
    )
    lake = connect()
    with waiting("Listing objects"):
        comparison = costs.compare(lake, _ask(None, inventory, None), proposal)
    rows = [
        {**_rounded(vars(item)), "saving_usd": round(item.saving_usd, 6), "months_to_pay": _months(item.months_to_pay)}
        for item in comparison
    ]
    emit(rows, as_json=as_json, title=f"Saves {money(sum(item.saving_usd for item in comparison))} a month")


def advise(
    tables: Annotated[
        list[str] | None, typer.Argument(help="tables whose Parquet settings to try", show_default=False)
    ] = None,
    logs: Logs = None,
    month: str | None = None,
    inventory: InventoryOption = None,
    worth: Annotated[
        float, typer.Option(help="with tables: smallest saving that is proposed, in dollars a month", min=0)
    ] = WORTH_USD,
    as_json: AsJson = False,
) -> None:
    """Suggest storage classes from access logs, or Parquet settings of tables.

    With `--logs` it reads S3 server access logs of the last 30 days, or of a month. With tables it writes a sample of the
    newest rows in other orders, encodings and codecs. It proposes contract lines that save at least 5 % of the bytes.
    """
    if bool(tables) == bool(logs):
        raise ConfigError(
            "Advice needs server access logs (--logs s3://bucket/prefix/), which show how data is read, or tables, whose "
            "Parquet settings are tried; one of the two. Nothing was computed."
        )
    lake = connect()
    if tables:
        _show_settings(lake, [load_contract(name) for name in tables], worth, as_json=as_json)
        return
    with waiting("Listing objects and reading access logs"):
        advice = costs.advice(lake, _ask(month, inventory, logs))
    emit([_rounded(vars(item)) for item in advice], as_json=as_json, title="Storage classes")


def _show_settings(lake: Lake, contracts: list[Contract], worth: float, *, as_json: bool) -> None:
    from lakeworks.cost.file_search import advise_files

    documents = []
    for contract in contracts:
        with waiting(f"Trying settings on a sample of {contract.name}"):
            advice = advise_files(lake, contract, _ask(None, None, None), worth)
        trials = [_rounded(vars(trial)) for trial in advice.trials]
        if as_json:
            documents.append({**_summary(advice), "trials": trials})
            continue
        shown = [{**trial, "share": f"{trial['share']:.1%}"} for trial in trials]
        emit(shown, as_json=False, title=f"{advice.table}: {advice.rows:,} rows of {advice.partitions} partitions")
        say(advice.sentence)
        if advice.contract_lines:
            say(f"\n{advice.contract_lines}")
    if as_json:
        emit(documents, as_json=True)


def _summary(advice: FileAdvice) -> dict[str, Any]:
    effect = advice.effect
    return {
        "table": advice.table,
        "rows": advice.rows,
        "partitions": advice.partitions,
        "saved_share": round(advice.saved_share, 6),
        "bytes": effect.bytes,
        "saving_usd": round(effect.saving_usd, 6),
        "one_time_usd": round(effect.one_time_usd, 6),
        "is_worth_it": advice.is_worth_it,
        "settings": dict(advice.settings),
        "contract_lines": advice.contract_lines,
        "why": advice.sentence,
    }


def suggest_partitions(
    queries: Annotated[
        Path | None,
        typer.Argument(help='JSON lines: {"sql": "…", "scanned_bytes": 123}', exists=True, show_default=False),
    ] = None,
    athena: Annotated[
        str | None,
        typer.Option(
            "--athena", help="read the history of this Athena work group instead of a file", show_default=False
        ),
    ] = None,
    last: Annotated[int, typer.Option("--last", help="with --athena: so many queries, the newest first", min=1)] = 1000,
    count: Annotated[
        bool, typer.Option("--count", help="count the values of filtered columns (reads the tables)")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Suggest partition columns from a query log.

    The log is the history of an Athena work group (`--athena`), or a file.
    """
    if (queries is None) == (athena is None):
        raise ConfigError("Name a query log or an Athena work group (--athena), one of the two. Nothing was computed.")
    lake = connect()
    with waiting("Reading the queries and the ledger"):
        parsed = _athena_log(str(athena), last) if queries is None else list(read_log(queries.read_text().splitlines()))
        suggestions = advise_partitions(parsed, load_contract, _facts_of_table(lake, count=count))
    emit([{**vars(item), "share": f"{item.share:.0%}"} for item in suggestions], as_json=as_json, title="Filters")


def _athena_log(work_group: str, last: int) -> list[Query]:
    return [Query(item.sql, item.scanned_bytes) for item in past_queries(client("athena"), work_group, last)]


def show_charges(
    month: Annotated[str | None, typer.Option(help="a calendar month; default: the last 30 days, by month")] = None,
    tag: Annotated[str, typer.Option(help="only this cost allocation tag, e.g. project=lakeworks")] = "",
    service: Annotated[str, typer.Option(help=f"comma-separated: {', '.join(SERVICES)}; or all")] = "all",
    as_json: AsJson = False,
) -> None:
    """Show what AWS charged for the lake's services.

    Asks Cost Explorer; each call costs $0.01.
    """
    window = costs.billing_period(month, datetime.now(UTC))
    name, _, value = tag.partition("=")
    explorer = client("ce", billing_region(current_settings().region))
    services = tuple(SERVICES) if service == "all" else tuple(part.strip() for part in service.split(","))
    with waiting("Asking Cost Explorer"):
        charges = charged(explorer, window.start.date(), window.end.date(), (name, value) if tag else None, services)
    total = sum(item.cost for item in charges)
    emit([_rounded(vars(item)) for item in charges], as_json=as_json, title=f"Charged for {service}: {money(total)}")


def simulate_year(
    scenario: Annotated[Path, typer.Argument(help="a scenario file; default: the example")] = EXAMPLE,
    region: Annotated[str, typer.Option(help="region of the prices")] = "us-east-1",
    prices: Annotated[Path | None, typer.Option(help="price book; default: the newest of the package")] = None,
    switch: Annotated[
        bool, typer.Option("--switch", help="change the old lake at new year, and pay for the moves")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Simulate a year and what each change saves.

    Needs no lake.
    """
    year = load_scenario(scenario)
    simulator = Year(load_price_book(prices), region, year.history_days)
    with waiting("Simulating a year"):
        steps = waterfall(simulator, year.flows, year.before, year.changes, switch=switch)
    rows = [
        {
            "change": step.name,
            "usd_a_year": round(step.usd_after, 2),
            "saved_usd": round(step.saved, 2),
            "share": f"{step.share:.1%}",
        }
        for step in steps
    ]
    emit(rows, as_json=as_json, title=f"{year.description}: saves {sum(step.share for step in steps):.1%}")


def _ask(month: str | None, inventory: str | None, logs: str | None) -> costs.ReportRequest:
    settings = current_settings()
    window = costs.billing_period(month, datetime.now(UTC))
    return costs.ReportRequest(load_price_book(settings.price_book), settings.region, window, inventory, logs)


def _facts_of_table(lake: Lake, *, count: bool) -> Callable[[str], TableFacts]:
    from lakeworks.parquet.dataset import open_dataset

    def facts(table: str) -> TableFacts:
        contract = load_contract(table)
        live = lake.ledger.live_partitions(contract.table, on_unreadable=leave_out)
        distinct: dict[str, int] = {}
        if count and live:
            with lake.engine.session() as session:
                session.attach(contract.table, open_dataset(lake.store, contract, live.values()))
                columns = ", ".join(f'count(DISTINCT "{name}") AS "{name}"' for name in contract.columns)
                distinct = session.query(f"SELECT {columns} FROM {contract.table.sql}").to_pylist()[0]
        return TableFacts(len(live), sum(entry.size for entry in live.values()), distinct)

    return facts


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}


def _months(months: float | None) -> str:
    return "never" if months is None else f"{months:.1f}"
