"""The task `approve` between audit and publish: it parks the run in Airflow's own human-in-the-loop state if it has to."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from lakeworks_airflow.operators.base import TableOperator, without_retries
from lakeworks_airflow.ui_links import ApprovalPageLink, object_url, own_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakeworks.ledger.approvals import ApprovalRequest


class ApproveOperator(TableOperator, ApprovalOperator):
    """Let audited rows pass, or wait for a person where the contract's `approval` demands one.

    While it waits, the task is in the state `awaiting_input` and holds no worker slot and no trigger. An approval lets the
    publish step go on. A refusal, or no answer in time, removes the staged files and skips the publish step.

    :param table: the audited table. (templated)
    :param staged: manifest keys of the audit step. (templated)
    """

    template_fields: Sequence[str] = ("table", "staged", "subject", "body")
    operator_extra_links = (ApprovalPageLink(),)
    takes_dev = True

    def __init__(self, *, staged: Any, **kwargs: Any) -> None:
        kwargs.pop("params", None)  # those of the DAG, which are no fields of the answer
        note = Param("", type=["null", "string"], title="Note", description="The reason, for the ledger.")
        super().__init__(
            subject="Publish these rows?",
            body="",
            params={"note": note},
            defaults=self.REJECT,  # no answer in time is a refusal
            **kwargs,
        )
        self.staged = staged

    def step(self, context: "Context") -> list[str]:
        """Return the manifest keys if no one has to be asked; else wait.

        A repeated task follows the answer that was given to its first try.
        """
        from lakeworks.approvals.asking import ask

        lake, names = self.lake(), _task(context)
        asked = [request for key in self.staged if (request := ask(lake, key, names))]
        refused = [request for request in asked if request.state == "refused"]
        if refused:
            raise AirflowSkipException(_said(refused))
        if waiting := [request for request in asked if request.state == "waiting"]:
            self._wait(context, waiting)
        return list(self.staged)

    def _wait(self, context: "Context", waiting: "list[ApprovalRequest]") -> None:
        first = min(request.until for request in waiting)
        self.response_timeout = max(first - datetime.now(UTC), timedelta(seconds=1))
        periods = ", ".join(request.period for request in waiting)
        self.subject = f"Publish {self.table} {periods}?"
        self.body = _body(self, waiting)
        ApprovalOperator.execute(self, context)

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> Any:
        """Record the answer; on a refusal skip what follows."""
        from lakeworks.approvals.asking import ask, decide
        from lakeworks.ledger.approvals import Verdict

        if "error" not in event:
            person = event["responded_by_user"] or {}
            state: Any = "approved" if self.APPROVE in event["chosen_options"] else "refused"
            note = str((event["params_input"] or {}).get("note") or "")
            verdict = Verdict(state, person.get("name") or person.get("id") or "", event["responded_at"], note)
            with without_retries():
                lake = self.lake()
                asked = [request for key in self.staged if (request := ask(lake, key))]
                decided = [decide(lake, request, verdict) for request in asked]
            self.log.info(_said(decided))
        return super().execute_complete(context, event)


def _task(context: "Context") -> dict[str, str]:
    """Return the names by which Airflow's API finds the waiting task."""
    ti = context["ti"]
    return {
        "dag_id": ti.dag_id,
        "run_id": ti.run_id,
        "task_id": ti.task_id,
        "map_index": str(getattr(ti, "map_index", -1)),
    }


def _body(operator: ApproveOperator, waiting: "list[ApprovalRequest]") -> str:
    """Return what the person reads, in Markdown."""
    lines = []
    for request in waiting:
        lines += [f"**{request.table} {request.period}**", ""]
        lines += [f"- {reason}" for reason in request.judged.reasons]
        lines += [
            "",
            f"[What changes, compared with live]({object_url(own_key(operator, request.page), listing=False)})",
            "",
        ]
    until = min(request.until for request in waiting)
    lines.append(f"Live data is unchanged until then. No answer until {until:%Y-%m-%d %H:%M} UTC counts as a refusal.")
    return "\n".join(lines)


def _said(decided: "Sequence[ApprovalRequest]") -> str:
    return "; ".join(
        f"{request.table} {request.period}: {request.state} by {request.by or 'no one in time'}"
        f"{f' ({request.note})' if request.note else ''}"
        f"{'. Live data is unchanged, and the staged files are removed' if request.state == 'refused' else ''}"
        for request in decided
    )
