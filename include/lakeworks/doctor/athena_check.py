"""Check of Athena: `SELECT 1` in the lake's work group."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lakeworks.aws_errors import translated
from lakeworks.doctor.health_check import Diagnosis
from lakeworks.doctor.leftovers import remove_versions
from lakeworks.errors import LakeAccessDenied

_SECONDS = 60
_RUNNING = ("QUEUED", "RUNNING")


@dataclass(frozen=True)
class TrialQuery:
    """A query in one work group. Its result in S3 is deleted again."""

    athena: Any
    s3: Any
    work_group: str
    is_aws: bool
    sleep: Callable[[float], None]

    def select_one(self) -> Diagnosis:
        """Run `SELECT 1` and read the answer."""
        refused = self._disabled()
        if refused:
            return refused
        with translated("query in the work group", self.work_group):
            started = self.athena.start_query_execution(QueryString="SELECT 1", WorkGroup=self.work_group)
        query = str(started["QueryExecutionId"])
        execution = self._ended(query)
        state, reason = execution["Status"]["State"], execution["Status"].get("StateChangeReason", "")
        if state != "SUCCEEDED":
            self._stop(query, state)
            return Diagnosis(
                "failure",
                f"`SELECT 1` in `{self.work_group}` ended as {state}: {reason or f'no answer in {_SECONDS} s'}",
                "Athena writes results to `_results/`: give the role `lakeworks policy --for doctor`.",
            )
        try:
            return self._answer(query)
        finally:
            self._delete(str(execution.get("ResultConfiguration", {}).get("OutputLocation", "")))

    def _disabled(self) -> Diagnosis | None:
        """Return a failure for a work group that is switched off."""
        with translated("look at the work group", self.work_group):
            group = self.athena.get_work_group(WorkGroup=self.work_group).get("WorkGroup") or {}
        if group.get("State", "ENABLED") == "ENABLED":
            return None
        return Diagnosis("failure", f"the work group `{self.work_group}` is disabled", "Enable it in Athena's console.")

    def _answer(self, query: str) -> Diagnosis:
        with translated("read the answer of", query):
            rows = self.athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
        values = [row.get("Data", [{}])[0].get("VarCharValue") for row in rows]
        unproven = "" if self.is_aws else "that Athena's own engine answers"
        if "1" in values:
            return Diagnosis("ok", f"`SELECT 1` in `{self.work_group}` answers 1", unproven=unproven)
        if self.is_aws:
            return Diagnosis("failure", f"`SELECT 1` answers {values}", "Run it in Athena's console.")
        return Diagnosis("warning", "this endpoint accepts queries and computes nothing", unproven=unproven)

    def _ended(self, query: str) -> dict[str, Any]:
        """Return the query's state when it has ended, or after the last wait."""
        for _ in range(_SECONDS * 2):
            with translated("follow the query", query):
                execution = dict(self.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"])
            if execution["Status"]["State"] not in _RUNNING:
                break
            self.sleep(0.5)
        return execution

    def _stop(self, query: str, state: str) -> None:
        if state in _RUNNING:
            with translated("stop the query", query):
                self.athena.stop_query_execution(QueryExecutionId=query)

    def _delete(self, location: str) -> None:
        """Delete the result and its description. Lifecycle of `_results/` removes what these credentials may not."""
        parts = urlsplit(location)
        if parts.netloc:
            with suppress(LakeAccessDenied):
                remove_versions(self.s3, parts.netloc, parts.path.lstrip("/"))
