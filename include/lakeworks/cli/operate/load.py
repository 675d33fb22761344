"""`lakeworks load`: a person's own files into a table."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from lakeworks.authoring.dag_wiring import airflow_is_installed, read_wiring
from lakeworks.cli.arguments import AsJson, DryRun, PeriodArgument, TableArgument
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit, emit_one, say
from lakeworks.cli.progress import transferring
from lakeworks.contract import Contract, load_contract
from lakeworks.core.file_selection import Selection, select
from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError
from lakeworks.loading.file_check import FileCheck
from lakeworks.loading.inbox_drop import drop_files
from lakeworks.loading.period_load import Progress, check_destination, check_files, judged, load_files, preview, refuse
from lakeworks.loading.report import LoadReport
from lakeworks.loading.standard_input import STANDARD_INPUT, spooled
from lakeworks.project import current_project
from lakeworks.settings import current_settings

FilesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE|FOLDER|-...", help="Files, folders with files at any depth, or - for stdin.", show_default=False
    ),
]
_FAILED = 1


def load_table(  # noqa: PLR0913, PLR0917 - each is an option of the command
    table: TableArgument,
    period: PeriodArgument,
    files: FilesArgument,
    check: Annotated[bool, typer.Option("--check", help="Only check the files; needs no lake.")] = False,
    pattern: Annotated[str, typer.Option(help="Take only files with such names from folders, e.g. '*.csv'.")] = "*",
    format_: Annotated[str | None, typer.Option("--format", help="Format of stdin: csv, jsonl, parquet …")] = None,
    name: Annotated[str | None, typer.Option(help="Name of stdin in the lake; default: stdin.<format>.")] = None,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Load the other files if some are refused.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Only put the files into the inbox, for the DAG.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Load files into a period of a table, or drop them in the inbox.

    The contract checks each file before anything is sent. Then the files are landed, written, audited and published as
    one step. A file replaces the period's file of the same name; the other files of the period stay.
    """
    contract = load_contract(table)
    key = check_destination(contract, period)
    with _named(files, pattern, contract, format_, name) as selection:
        checks = _looked_at(contract, selection)
        if check:
            _print_check(contract, key, checks, selection, as_json=as_json)
            raise typer.Exit(_FAILED if any(item.is_refused for item in checks) else 0)
        if dry_run:
            _print_report(preview(connect(), contract, key, checks), selection, as_json=as_json)
            raise typer.Exit(_FAILED if any(item.is_refused for item in checks) else 0)
        if not keep_going and any(item.is_refused for item in checks):
            _print_report(judged(contract, key, checks), selection, as_json=as_json)
            refuse(contract, checks, keep_going=False)
        lake, size = connect(), sum(item.size for item in checks if not item.is_refused)
        with transferring("Landing", size) as bar:
            heard = Progress(sent=bar.advance, step=lambda text: bar.begin(text.capitalize(), _total(text, size)))
            run = drop_files if drop else load_files
            report = run(lake, contract, key, checks, heard=heard, keep_going=keep_going)
    _print_report(report, selection, as_json=as_json)
    raise typer.Exit(_FAILED if report.failed else 0)


def _total(step: str, size: int) -> int:
    return size if step == "landing" else 0


@contextmanager
def _named(
    files: Sequence[Path], pattern: str, contract: Contract, format_: str | None, name: str | None
) -> Iterator[Selection]:
    """Find what was named; standard input is a file of the scratch folder until the command ends."""
    of_stdin = [item for item in files if str(item) == STANDARD_INPUT]
    if (format_ or name) and not of_stdin:
        raise ConfigError("--format and --name are for standard input (`-`). Nothing was loaded.")
    named = [item for item in files if str(item) != STANDARD_INPUT]
    selection = select(named, pattern).only_of(contract.source_options) if named else Selection((), ())
    if not of_stdin:
        yield selection
        return
    with spooled(sys.stdin.buffer, contract, format_, name, _scratch()) as file:
        yield selection.with_file(file)


def _scratch() -> Path | None:
    """Return the deployment's scratch folder. None without a lake, which a check of files does not need."""
    with suppress(ConfigError):
        return current_settings().scratch_dir
    return None


def _looked_at(contract: Contract, selection: Selection) -> list[FileCheck]:
    size = sum(item.path.stat().st_size for item in selection.files)
    with transferring("Checking the files", size) as bar:
        return check_files(contract, selection, Progress(read=bar.advance))


def _print_check(
    contract: Contract, period: Period, checks: Sequence[FileCheck], selection: Selection, *, as_json: bool
) -> None:
    rows = [
        {
            "file": finding.file,
            "place": finding.place,
            "column": finding.column,
            "rule": finding.rule,
            "outcome": finding.outcome,
            "says": finding.says,
        }
        for item in checks
        for finding in item.findings
    ]
    if as_json:
        files = [
            {
                "file": item.file.name,
                "rows": item.rows,
                "bytes": item.size,
                "sha256": item.sha256,
                **{name: item.counts[name] for name in ("refused", "quarantined")},
                "drift": list(item.drift),
            }
            for item in checks
        ]
        emit_one(
            {
                "table": contract.name,
                "period": str(period),
                "files": files,
                "findings": rows,
                "left_out": _left_out(selection),
            }
        )
        return
    if rows:
        emit(rows, as_json=False, title=f"{contract.name} {period}: findings")
    for item in checks:
        for text in item.drift:
            say(f"{item.file.name}: {text}", style="dim")
        kept = len(item.findings)
        if kept < item.counts.total():
            say(f"{item.file.name}: {item.counts.total() - kept} more findings are not shown", to_stderr=True)
    refused = sum(item.is_refused for item in checks)
    total = sum(item.rows for item in checks)
    say(f"{len(checks)} files, {total:,} rows: {refused} refused, {len(checks) - refused} can be loaded.")
    _print_left_out(selection)


def _print_report(report: LoadReport, selection: Selection, *, as_json: bool) -> None:
    rows = [item.as_dict() for item in report.files]
    balance = report.record.balance if report.record else None
    if as_json:
        emit_one(
            {
                "table": report.table,
                "period": report.period,
                "counts": report.counts,
                "files": rows,
                "left_out": _left_out(selection),
                "inbox": report.inbox or None,
                "dag": _dag_of(report.table) if report.inbox else None,
                "partitions": report.record.outcome if report.record else None,
                "rows": balance.model_dump() if balance else None,
            }
        )
        return
    emit(rows, as_json=False, title=f"{report.table} {report.period}", layout=Layout(extra=("quarantined",)))
    counts = ", ".join(f"{count} {state}" for state, count in report.counts.items())
    if report.inbox:
        say(f"{counts}. In {report.inbox}; nothing was published yet. {_next_step(report)}")
    if report.record is None:
        _print_left_out(selection)
        return
    outcome = (
        ", ".join(f"{count} {state}" for state, count in (report.record.outcome or {}).items()) if report.record else ""
    )
    rows_of = f"; the period has {balance.staged:,} rows, {balance.quarantined:,} in quarantine" if balance else ""
    say(f"{counts}. Partitions: {outcome or 'none'}{rows_of}.")
    _print_left_out(selection)


def _next_step(report: LoadReport) -> str:
    dag = _dag_of(report.table)
    if dag is None:
        return f"Run the DAG that fetches `{report.table}` with the partition key {report.period}."
    return f"Trigger the DAG `{dag}` with the partition key {report.period}, or wait for its schedule."


def _dag_of(table: str) -> str | None:
    """Return the DAG that fetches a table; None where there is none, or no Airflow to ask."""
    folder = current_project().root / "dags"
    if not (folder.is_dir() and airflow_is_installed()):
        return None
    dags = read_wiring(folder).dags
    return next((name for name, dag in dags.items() if not dag.of_tenant and dag.task_of(table, "FetchOperator")), None)


def _left_out(selection: Selection) -> list[dict[str, Any]]:
    return [{"file": str(item.path), "why": item.why} for item in selection.left_out]


def _print_left_out(selection: Selection) -> None:
    for item in selection.left_out:
        say(f"Left out: {item.path} {item.why}", to_stderr=True)
