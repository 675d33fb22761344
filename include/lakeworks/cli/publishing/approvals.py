"""`lakeworks approvals`: runs that wait for a person, and the answer to one."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lakeworks.airflow_api import Airflow
from lakeworks.approvals.answering import APPROVE, REFUSE, answer, requests_of, waiting_request
from lakeworks.cli.arguments import AsJson, OptionalTable, PeriodArgument, TableArgument
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.ledger.approvals import ApprovalRequest
from lakeworks.settings import current_settings

Note = Annotated[str, typer.Option(help="the reason, for the ledger")]
OneRun = Annotated[str | None, typer.Option("--run", help="id of the run, if several wait", show_default=False)]
_LAYOUT = Layout(extra=("run", "until", "note"))


def list_approvals(
    table: OptionalTable = None,
    show_all: Annotated[bool, typer.Option("--all", help="with those that are decided")] = False,
    as_json: AsJson = False,
) -> None:
    """List the runs that wait for a person's approval.

    With --all also decided ones: who decided, when, and why.
    """
    lake = connect()
    with waiting("Reading requests"):
        found = requests_of(lake, [load_contract(name) for name in ([table] if table else all_tables())])
    now = datetime.now(UTC)
    shown = [request for request in found if show_all or request.waits(now)]
    emit([_row(lake, request, now) for request in shown], as_json=as_json, title="Approvals", layout=_LAYOUT)
    if not shown and not as_json:
        say("No run waits for approval.", to_stderr=True)


def approve_run(table: TableArgument, period: PeriodArgument, note: Note = "", run: OneRun = None) -> None:
    """Approve the rows of a run that waits; the run publishes them.

    Airflow records the person of LAKE_AIRFLOW_URL's login.
    """
    _answer(table, period, run, APPROVE, note)


def refuse_run(table: TableArgument, period: PeriodArgument, note: Note = "", run: OneRun = None) -> None:
    """Refuse the rows of a run that waits; live data stays as it is.

    The run removes what it staged, and skips its publish step and what follows.
    """
    _answer(table, period, run, REFUSE, note)


def _answer(table: str, period: str, run: str | None, option: str, note: str) -> None:
    address = current_settings().airflow_url
    if address is None:
        raise ConfigError(
            "LAKE_AIRFLOW_URL is not set, and the answer goes through Airflow's API. Nothing was changed. Set it "
            "(https://user:password@host), or answer on Airflow's page *Required Actions*."
        )
    with waiting("Answering"):
        request = waiting_request(connect(), load_contract(table), period, run, datetime.now(UTC))
        answer(Airflow(address.get_secret_value()), request, option, note)
    does = "publishes the rows" if option == APPROVE else "removes the staged rows; live data stays as it is"
    say(f"{table} {period}: run {request.run.id} has the answer and {does}.")


def _row(lake: Lake, request: ApprovalRequest, now: datetime) -> dict[str, Any]:
    lapsed = request.state == "waiting" and not request.waits(now)
    return {
        "table": request.table,
        "period": request.period,
        "state": "no answer in time" if lapsed else request.state,
        "why": "; ".join(request.judged.reasons),
        "page": lake.store.uri(request.page) if request.page else "",
        "asked": f"{request.asked_at:%Y-%m-%d %H:%M}",
        "until": f"{request.until:%Y-%m-%d %H:%M}",
        "run": request.run.id,
        "by": request.by,
        "at": f"{request.at:%Y-%m-%d %H:%M}" if request.at else "",
        "note": request.note,
    }
