"""A work group's history: the queries that Athena keeps for 45 days, newest first, with the bytes that each scanned."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lakeworks.athena.failures import asking
from lakeworks.errors import LakeUnavailable

# The most that Athena takes in one call.
_BATCH = 50
_TRIES = 5


@dataclass(frozen=True)
class PastQuery:
    """A query that ran, and what it scanned."""

    sql: str
    scanned_bytes: int


def past_queries(
    client: Any, work_group: str, most: int, sleep: Callable[[float], None] = time.sleep
) -> Iterator[PastQuery]:
    """Yield the newest queries that read data. Those that failed before they scanned anything say nothing about filters.

    Raises:
        LakeNotFound: there is no such work group.
        LakeUnavailable: Athena keeps leaving queries out of its answers.
    """
    token, left = "", most
    while left > 0:
        with asking("list the queries of", work_group):
            more: dict[str, str] = {"NextToken": token} if token else {}
            page = client.list_query_executions(WorkGroup=work_group, MaxResults=min(_BATCH, left), **more)
        query_ids = page.get("QueryExecutionIds", [])
        for execution in _described(client, work_group, query_ids, sleep):
            scanned = int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))
            if execution.get("StatementType") == "DML" and scanned:
                yield PastQuery(str(execution["Query"]), scanned)
        left, token = left - len(query_ids), page.get("NextToken", "")
        if not token:
            return


def _described(
    client: Any, work_group: str, query_ids: list[str], sleep: Callable[[float], None]
) -> Iterator[dict[str, Any]]:
    """Yield the queries' descriptions. Athena may leave some out, and gives them when it is asked again."""
    for number in range(_TRIES):
        if not query_ids:
            return
        if number:
            sleep(2.0**number / 4)
        with asking("look at the queries of", work_group):
            answer = client.batch_get_query_execution(QueryExecutionIds=query_ids)
        yield from answer.get("QueryExecutions", [])
        query_ids = [item["QueryExecutionId"] for item in answer.get("UnprocessedQueryExecutionIds", [])]
    if query_ids:
        raise LakeUnavailable(
            f"Athena left {len(query_ids)} queries of work group `{work_group}` out of {_TRIES} answers. Nothing was computed; "
            "run again, or read fewer: --last"
        )
