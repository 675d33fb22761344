"""Executions in a work group: started once, found again by a retry, waited for, stopped when the wait ends early.

No place of results is sent: the work group's own settings are enforced. A token decides what is a new query. It follows from
the asker, the text and the values, so a repeated request gets the execution that exists, and nothing is paid twice.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.athena.failures import asking
from lakeworks.athena.outcomes import UNUSABLE, EndedQuery
from lakeworks.athena.result_pages import result_reader
from lakeworks.athena.statement import AthenaStatement
from lakeworks.errors import LakeError, QueryFailed, TerminalError, TransientError

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0


@dataclass(frozen=True)
class QueryExecutions:
    """The queries of one work group. The client is boto3's; clock and sleep are passed in by tests."""

    client: Any
    work_group: str
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def start(self, statement: AthenaStatement, asker: str, attempt: int = 1) -> str:
        """Start a query and return its id. A later attempt of the same asker takes the query of an earlier one.

        An earlier query that failed or was stopped is not taken: this attempt starts another.

        Raises:
            QueryFailed: Athena refuses it.
            LakeNotFound: there is no such work group.
        """
        for number in range(1, attempt):
            query_id = self._submitted(statement, asker, number)
            if self._execution(query_id)["Status"]["State"] not in UNUSABLE:
                return query_id
        return self._submitted(statement, asker, attempt)

    def _submitted(self, statement: AthenaStatement, asker: str, number: int) -> str:
        parts = [self.work_group, asker, statement.sql, list(statement.values), number]
        request: dict[str, Any] = {
            "QueryString": statement.sql,
            "ClientRequestToken": hashlib.sha256(json.dumps(parts).encode()).hexdigest(),
            "WorkGroup": self.work_group,
        }
        if statement.values:
            request["ExecutionParameters"] = list(statement.values)
        with asking("start a query in", self.work_group):
            return str(self.client.start_query_execution(**request)["QueryExecutionId"])

    def ended(self, query: str) -> EndedQuery | None:
        """Return the query's end; None while it runs."""
        return EndedQuery.of(self._execution(query))

    def wait(self, query: str, seconds: float) -> EndedQuery:
        """Wait until the query ends. If this is interrupted, or takes longer, the query is stopped.

        Raises:
            QueryFailed: it took longer.
        """
        try:
            return self._waited(query, self.clock() + seconds, seconds)
        except BaseException:
            self.stop(query)
            raise

    def _waited(self, query: str, until: float, seconds: float) -> EndedQuery:
        pause = _SHORTEST_PAUSE
        while True:
            try:
                if end := self.ended(query):
                    return end
            except TransientError as error:  # the query goes on whether it is seen or not
                if self.clock() >= until:
                    raise
                log.warning("query %s: %s", query, error)
            if self.clock() >= until:
                raise QueryFailed(
                    f"Athena query {query} still ran after {seconds:g} seconds and was stopped. Nothing was returned; "
                    "Athena charges for the bytes that were scanned. Give it more time, or scan less."
                )
            self.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def stop(self, query: str) -> None:
        """Stop a query. If that fails a warning says how a person stops it; the first error is what matters."""
        try:
            with asking("stop a query of", self.work_group):
                self.client.stop_query_execution(QueryExecutionId=query)
        except LakeError as error:
            log.warning(
                "%s The query may still run and cost money. Stop it: aws athena stop-query-execution "
                "--query-execution-id %s",
                error,
                query,
            )

    def check(self, end: EndedQuery, statement: AthenaStatement) -> None:
        """Raise the error of a query that did not succeed.

        Raises:
            ScanLimitExceeded: it would have scanned more than the work group allows.
            QueryFailed: it failed or was stopped.
            LakeUnavailable: it failed for a reason that can pass.
        """
        limit = self._scan_limit() if end.state == "CANCELLED" else None
        if error := end.failure(self.work_group, limit, statement.unfiltered):
            raise error

    def rows(self, end: EndedQuery) -> "pa.RecordBatchReader":
        """Return a succeeded query's rows page by page, in the contract's types.

        Raises:
            QueryFailed: Athena no longer has them (also while they are read).
        """

        def page(token: str | None) -> dict[str, Any]:
            with asking("read the results of a query of", self.work_group):
                more = {"NextToken": token} if token else {}
                return dict(self.client.get_query_results(QueryExecutionId=end.id, MaxResults=1000, **more))

        return result_reader(page, has_header=end.has_header)

    def data_manifest(self, query: str) -> str | None:
        """Return the address of the list of files that a query wrote; None if it wrote none."""
        place = self._execution(query).get("Statistics", {}).get("DataManifestLocation")
        return str(place) if place else None

    def _execution(self, query: str) -> dict[str, Any]:
        with asking("look at a query of", self.work_group):
            return dict(self.client.get_query_execution(QueryExecutionId=query)["QueryExecution"])

    def _scan_limit(self) -> int | None:
        """Return the group's limit; None if it has none, or these credentials may not read it."""
        try:
            with asking("read the settings of", self.work_group):
                group = self.client.get_work_group(WorkGroup=self.work_group)["WorkGroup"]
        except TerminalError:
            return None
        limit = group.get("Configuration", {}).get("BytesScannedCutoffPerQuery")
        return None if limit is None else int(limit)
