"""Ended queries: what Athena says of them, as one error that says what to do."""

from dataclasses import dataclass
from typing import Any

from lakeworks.errors import LakeError, LakeUnavailable, QueryFailed, ScanLimitExceeded

SUCCEEDED = "SUCCEEDED"
UNUSABLE = ("FAILED", "CANCELLED")
_PAID = "Nothing was returned; Athena charges for the bytes that were scanned."


@dataclass(frozen=True)
class EndedQuery:
    """The end of a query: its state, the reason, and the bytes it scanned."""

    id: str
    state: str
    reason: str
    scanned_bytes: int
    retryable: bool = False
    has_header: bool = True

    @classmethod
    def of(cls, execution: dict[str, Any]) -> "EndedQuery | None":
        """Return the end of an execution as GetQueryExecution describes it; None while it runs."""
        status = execution["Status"]
        if status["State"] not in (SUCCEEDED, *UNUSABLE):
            return None
        return cls(
            execution["QueryExecutionId"],
            status["State"],
            str(status.get("StateChangeReason", "")).rstrip(". "),
            int(execution.get("Statistics", {}).get("DataScannedInBytes", 0)),
            bool(status.get("AthenaError", {}).get("Retryable", False)),
            execution.get("StatementType", "DML") == "DML",
        )

    def failure(self, work_group: str, limit: int | None, unfiltered: tuple[str, ...] = ()) -> LakeError | None:
        """Return the error of a query that did not succeed.

        `limit` is the work group's, where it can be read; `unfiltered` names the tables that the query reads whole.
        """
        if self.state == SUCCEEDED:
            return None
        if self._is_over(limit):
            return ScanLimitExceeded(self._too_much(work_group, limit, unfiltered))
        if self.state == "CANCELLED":
            return QueryFailed(
                f"Athena query {self.id} was stopped: {self.reason or 'no reason given'}. {_PAID} Run it again if that "
                "was a mistake."
            )
        if self.retryable:
            return LakeUnavailable(
                f"Athena query {self.id} failed for a reason that can pass: {self.reason}. Nothing was returned; run it again."
            )
        return QueryFailed(f"Athena query {self.id} failed: {self.reason}. {_PAID} Correct the query.")

    def _is_over(self, limit: int | None) -> bool:
        """Return whether the limit ended it. The text is AWS's own and may change, so the bytes decide as well."""
        says = "scan" in self.reason.lower() and "limit" in self.reason.lower()
        return self.state == "CANCELLED" and (says or (limit is not None and self.scanned_bytes > limit))

    def _too_much(self, work_group: str, limit: int | None, unfiltered: tuple[str, ...]) -> str:
        allowed = f"{limit:,} bytes" if limit is not None else "a limit that these credentials may not read"
        help_text = " ".join(unfiltered) or "Narrow the conditions on the partition keys, or name fewer columns."
        return (
            f"Athena query {self.id} was stopped by its work group `{work_group}`: it scanned {self.scanned_bytes:,} bytes, "
            f"and the group allows {allowed} a query. {_PAID} {help_text} A higher limit: `athena.scan_limit_bytes` in "
            "lake.yml, then lakeworks bootstrap"
        )
