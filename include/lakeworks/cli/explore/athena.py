"""`lakeworks athena`: query the published tables on Amazon Athena, in the work group that lake.yml declares."""

import uuid
from typing import Annotated

import typer

from lakeworks.athena.executions import QueryExecutions
from lakeworks.athena.marks import values_as_typed
from lakeworks.athena.outcomes import EndedQuery
from lakeworks.athena.statement import AthenaStatement, Readership, prepared
from lakeworks.cli.arguments import AsJson, IncludePersonal
from lakeworks.cli.cell_text import cell, money
from lakeworks.cli.connection import client, connect
from lakeworks.cli.explore.export import FormatOption, Overwrite, SpreadsheetSafe, destination_of, show_export
from lakeworks.cli.explore.sql import OptionalFile, QueryArgument
from lakeworks.cli.output import Layout, emit, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import load_contract
from lakeworks.core.tenant import Tenant
from lakeworks.errors import ConfigError
from lakeworks.exports.table_export import export_rows
from lakeworks.infrastructure.config import work_group_name
from lakeworks.prices import load_price_book
from lakeworks.settings import current_settings

# Athena charges for each query as if it scanned at least this much: https://aws.amazon.com/athena/pricing/
_LEAST_CHARGED, _TERABYTE = 10 * 1024**2, 1024**4

ParamOption = Annotated[
    list[str] | None,
    typer.Option("--param", help="value of the next `?`, or name=value of `:name`; once for each", show_default=False),
]
GroupOption = Annotated[
    str | None,
    typer.Option("--work-group", help="work group; default: the lake's own, or the tenant's", show_default=False),
]
Patience = Annotated[float, typer.Option("--timeout", help="seconds after which the query is stopped", min=1)]


def run_athena_query(  # noqa: PLR0913, PLR0917 - each is an option of the command
    query: QueryArgument,
    param: ParamOption = None,
    out: OptionalFile = None,
    form: FormatOption = None,
    overwrite: Overwrite = False,
    include_personal: IncludePersonal = False,
    spreadsheet_safe: SpreadsheetSafe = False,
    work_group: GroupOption = None,
    timeout: Patience = 1800,
    as_json: AsJson = False,
) -> None:
    """Run a SQL query on Amazon Athena.

    One SELECT in Athena's SQL; tables are written <layer>_<domain>.<table>. Parameters (`?` or `:name`, in WHERE) get the types
    of the columns that they are compared with. Ctrl-C stops the query.
    """
    options = {"overwrite": overwrite, "spreadsheet_safe": spreadsheet_safe}
    destination = destination_of(out, form, **options) if out else None
    settings = current_settings()
    tenant = Tenant(settings.tenant) if settings.tenant else None
    statement = prepared(
        query, values_as_typed(query, param or []), Readership(load_contract, tenant, include_personal=include_personal)
    )
    queries = QueryExecutions(client("athena"), work_group or _declared_group())
    for note in statement.unfiltered:
        say(note, style="dim", to_stderr=True)
    end = _run(queries, statement, timeout)
    if destination:
        show_export(export_rows(connect(), queries.rows(end), destination), {"query": end.id}, as_json=as_json)
    else:
        emit(queries.rows(end).read_all().to_pylist(), as_json=as_json, layout=Layout(exact=True))
    say(_charge(end), style="dim", to_stderr=True)


def _run(queries: QueryExecutions, statement: AthenaStatement, timeout: float) -> EndedQuery:
    with waiting("Running the query on Athena"):
        end = queries.wait(queries.start(statement, str(uuid.uuid4())), timeout)
    queries.check(end, statement)
    return end


def _declared_group() -> str:
    settings = current_settings()
    return work_group_name(settings.config_file, settings.bucket, settings.tenant)


def _charge(end: EndedQuery) -> str:
    settings = current_settings()
    line = f"Query {end.id} scanned {cell('bytes', end.scanned_bytes)}"
    try:
        price = load_price_book(settings.price_book).region(settings.region).athena
    except ConfigError:  # no price is no reason to keep the rows
        return f"{line}."
    return f"{line}: {money(price * max(end.scanned_bytes, _LEAST_CHARGED) / _TERABYTE)}."
