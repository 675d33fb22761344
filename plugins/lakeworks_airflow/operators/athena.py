"""Athena: run one query without holding a worker, and put its rows into a file."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import PartitionKeyError
from lakeworks_airflow.connections import connection_id, lake_client
from lakeworks_airflow.look_trigger import STILL_RUNNING, LookTrigger
from lakeworks_airflow.operators.base import LakeOperator, without_retries
from lakeworks_airflow.partitions import resolve_periods

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakeworks.athena.executions import QueryExecutions
    from lakeworks.athena.outcomes import EndedQuery
    from lakeworks.athena.statement import AthenaStatement
    from lakeworks.core.partition import Period

# Rows that fit into Airflow's database; more belong into a file.
_MOST_ROWS = 1000


class AthenaQueryOperator(LakeOperator):
    """Run one SELECT on Athena, as `lakeworks athena` does, and put its rows into a file.

    A retry takes the query of the try before it, unless that failed: nothing is paid twice. A cleared task starts another. A
    killed task stops its query. With a `grain`, the query may name the run's period: `:partition_date`, `:partition_start`,
    `:partition_end`, and the partition keys `:year`, `:month`, `:day`, `:hour`.

    :param query: one SELECT; tables are written `<layer>_<domain>.<table>`. (templated)
    :param parameters: values of its parameters: a list for `?`, by name for `:name`. (templated)
    :param out: the file, replaced if it is there: a path or `s3://…`, in which `{bucket}` and `{period}` are filled in. Without
        one, up to 1,000 rows are the task's result. (templated)
    :param grain: the grain of the DAG's partition keys; the run must own one period.
    :param work_group: without one, that of lake.yml: the tenant's, if there is one, else the lake's own.
    :param include_personal: read columns of personal data or classified above internal.
    :param look_every: seconds between two looks at the query.
    :param timeout: seconds to wait; then the query is stopped, and the task fails without a retry.
    """

    template_fields: Sequence[str] = ("query", "parameters", "out")

    def __init__(  # noqa: PLR0913 - each is an argument of the operator
        self,
        *,
        query: str,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        out: str | None = None,
        grain: str | None = None,
        work_group: str | None = None,
        include_personal: bool = False,
        look_every: float = 5,
        timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.query = query
        self.parameters = parameters
        self.out = out
        self.grain = grain
        self.work_group = work_group
        self.include_personal = include_personal
        self.look_every = look_every
        self.timeout = timeout
        self._started: str | None = None

    def step(self, context: "Context") -> dict[str, Any] | None:
        """Start the query, or find it, and wait for it in the triggerer."""
        statement, queries = self.statement(context), self.queries()
        asker, attempt = _asker(context)
        self._started = queries.start(statement, asker, attempt)
        if end := queries.ended(self._started):  # a retry finds it done
            return self._answer(context, queries, statement, end)
        until = time.time() + self.timeout
        conn_id, group = connection_id(self.tenant), queries.work_group
        self.defer(
            trigger=AthenaQueryTrigger(self._started, group, conn_id, self.look_every, until), method_name="queried"
        )
        return None

    def queried(self, context: "Context", event: dict[str, str]) -> dict[str, Any]:
        """Return what became of the query, once its rows are in the file."""
        with without_retries():
            statement, queries = self.statement(context), self.queries()
            self._started = event["query"]
            if event["status"] == STILL_RUNNING:
                queries.stop(self._started)
                raise AirflowFailException(
                    f"Athena query {self._started} still ran after {self.timeout:g} seconds{event['message']} and was stopped. "
                    "Nothing was written; Athena charges for the bytes that were scanned. Give it a longer `timeout`."
                )
            end = queries.ended(self._started)
            if end is None:
                raise AirflowFailException(f"Athena query {self._started} was not seen to its end: {event['message']}")
            return self._answer(context, queries, statement, end)

    def on_kill(self) -> None:
        """Stop the query."""
        if self._started:
            self.queries().stop(self._started)

    def queries(self) -> "QueryExecutions":
        """Return the queries of the work group, with the credentials of this share of the lake."""
        from lakeworks.infrastructure.config import work_group_name
        from lakeworks.settings import current_settings

        settings = current_settings()
        group = self.work_group or work_group_name(settings.config_file, settings.bucket, self.tenant)
        return group_queries(group, connection_id(self.tenant))

    def statement(self, context: "Context") -> "AthenaStatement":
        """Return the statement to send."""
        from lakeworks.athena.statement import Readership, prepared
        from lakeworks.contract import load_contract
        from lakeworks.core.tenant import Tenant

        reader = Readership(load_contract, Tenant(self.tenant) if self.tenant else None, self.include_personal)
        return prepared(self.query, self._values(context), reader)

    def _values(self, context: "Context") -> Sequence[Any] | Mapping[str, Any]:
        """Return the given values, and those of the run's period that the query names."""
        from lakeworks.athena.marks import marks_of

        names = {mark.name for mark in marks_of(self.query) if mark.name}
        given = dict(self.parameters) if isinstance(self.parameters, Mapping) else {}
        if not names or self.grain is None:
            return self.parameters
        offered = _period_values(self._period(context))
        return {**{name: offered[name] for name in names & set(offered)}, **given}

    def _period(self, context: "Context") -> "Period":
        periods = resolve_periods(context["dag_run"], context["params"], str(self.grain))
        if len(periods) != 1:
            raise PartitionKeyError(
                f"The run owns {len(periods)} periods, from {periods[0]}, and this query reads one. Nothing was run. Trigger "
                "it with one partition key."
            )
        return periods[0]

    def _answer(
        self, context: "Context", queries: "QueryExecutions", statement: "AthenaStatement", end: "EndedQuery"
    ) -> dict[str, Any]:
        from lakeworks.exports.encoding import Encoding, format_of
        from lakeworks.exports.table_export import Destination, export_rows

        queries.check(end, statement)
        scanned = {"query": end.id, "scanned_bytes": end.scanned_bytes}
        rows = queries.rows(end)
        if self.out is None:
            return {**scanned, "rows": _few(rows)}
        lake = self.lake()
        period = str(self._period(context)) if self.grain else ""
        target = self.out.replace("{bucket}", lake.store.bucket).replace("{period}", period)
        done = export_rows(lake, rows, Destination(target, Encoding(format_of(target)), overwrite=True))
        return {**scanned, **done.as_dict()}


class AthenaQueryTrigger(LookTrigger):
    """Trigger that waits until a query ends, and stops it if a person ends the task meanwhile."""

    def __init__(self, query: str, work_group: str, conn_id: str, look_every: float, until: float) -> None:
        super().__init__(look_every, until)
        self.query = query
        self.work_group = work_group
        self.conn_id = conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger's class path and arguments."""
        arguments = {name: getattr(self, name) for name in ("query", "work_group", "conn_id", "look_every", "until")}
        return f"{__name__}.AthenaQueryTrigger", arguments

    def connected(self) -> "QueryExecutions":
        """Return the queries of the work group."""
        return group_queries(self.work_group, self.conn_id)

    def ended(self, connection: "QueryExecutions") -> dict[str, str] | None:
        """Return the query's end; None while it runs."""
        end = connection.ended(self.query)
        return self.event(end.state, end.reason) if end else None

    def event(self, status: str, message: str) -> dict[str, str]:
        """Return an event of the query."""
        return {"query": self.query, "status": status, "message": message}

    async def on_kill(self) -> None:
        """Stop the query: a person marked or cleared the task. A triggerer that restarts does not come here."""
        connection = await asyncio.to_thread(self.connected)
        await asyncio.to_thread(connection.stop, self.query)


def group_queries(work_group: str, conn_id: str) -> "QueryExecutions":
    """Return the queries of a work group, with the credentials of a connection."""
    from lakeworks.athena.executions import QueryExecutions

    return QueryExecutions(lake_client("athena", conn_id=conn_id), work_group)


def _asker(context: "Context") -> tuple[str, int]:
    """Return who asks, and which attempt this is. Airflow raises `max_tries` when a task is cleared: then another one asks."""
    ti = context["ti"]
    cleared_at = max(0, int(getattr(ti, "max_tries", 0) or 0) - int(context["task"].retries or 0))
    asker = [ti.dag_id, ti.run_id, ti.task_id, ti.map_index, cleared_at]
    return json.dumps(asker), max(1, ti.try_number - cleared_at)


def _period_values(period: "Period") -> dict[str, Any]:
    from lakeworks.core.partition import Partition

    keys = {key: value for key, value in Partition.of_period(period).pairs if value is not None}
    moments = {"partition_date": period.start.date(), "partition_start": period.start, "partition_end": period.end}
    return {**keys, **moments}


def _few(batches: Any) -> list[dict[str, Any]]:
    """Return rows as JSON holds them."""
    rows: list[dict[str, Any]] = []
    for batch in batches:
        rows += batch.to_pylist()
        if len(rows) > _MOST_ROWS:
            raise AirflowFailException(
                f"The query has more than {_MOST_ROWS:,} rows, too many for Airflow's database. Nothing was written. Name a "
                "file: out='s3://{bucket}/exports/….parquet'"
            )
    texts: list[dict[str, Any]] = json.loads(json.dumps(rows, default=str))
    return texts
