"""A small Athena over HTTP that behaves as its API reference says, where the stand-ins do not.

It speaks the protocol boto3 speaks (JSON 1.1, `X-Amz-Target: AmazonAthena.<Operation>`): work groups whose settings bind every
client, request tokens, states, execution parameters, pages with a header row, the limit of scanned bytes, cancellation, history,
throttling and denials. A statement's syntax is judged by Trino's grammar (trino-sql-validator), its rows come from DuckDB over
the lake's Glue tables and files (`athena_engine`). Time passes by looks: a query ends when it was looked at often enough.
Written from the API reference and botocore's service model; it holds everything in memory and shares no code with lakeworks.
"""

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from tests.support.athena_engine import Answer, Engine, QueryFault, is_read, syntax_fault
from tests.support.json_service import ServiceRefusal, serving_json

Call = dict[str, Any]
ENDS = ("SUCCEEDED", "FAILED", "CANCELLED")


class AthenaRefusal(ServiceRefusal):
    """A refusal of Athena; nearly all of them say that the request is invalid."""

    def __init__(self, message: str, code: str = "InvalidRequestException", status: int = 400) -> None:
        super().__init__(code, message, status)


@dataclass
class Execution:
    """One query."""

    id: str
    call: Call
    group: Call
    moment: int
    state: str = "QUEUED"
    reason: str = ""
    error: Call | None = None
    looks: int = 0
    scanned: int = 0
    manifest: str = ""
    answer: Answer = field(default_factory=lambda: Answer([], []))


class Athena:
    """The service. `looks` is how often a query is seen running before it ends.

    `throttled` counts calls of an operation to refuse; `lost` counts answers that get lost after the work was done; `denied` names
    operations; `interrupt` is an AthenaError that ends the next queries, one each. With `scale`, small files count as large ones,
    because no limit is below 10 MB.
    """

    def __init__(self, engine: Engine, looks: int = 1) -> None:
        self.lock = threading.RLock()
        self.engine, self.looks, self.scale = engine, looks, 1
        self.groups: dict[str, Call] = {"primary": {"Name": "primary", "State": "ENABLED", "Configuration": {}}}
        self.executions: dict[str, Execution] = {}
        self.tokens: dict[str, tuple[Call, str]] = {}
        self.calls: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.denied: set[str] = set()
        self.admits: Callable[[str, str], bool] = lambda action, group: True  # by action and work group
        self.interrupt: list[Call] = []
        self.reach: int | None = None  # how many descriptions a batch gets to

    def answer(self, operation: str, call: Call) -> Any:
        with self.lock:
            self.calls[operation] += 1
            if operation in self.denied or not self.admits(f"athena:{operation}", self._group_of(call)):
                raise AthenaRefusal(
                    f"User: arn:aws:iam::1:user/ann is not authorized to perform: athena:{operation}",
                    "AccessDeniedException",
                )
            if self._counted_down(self.throttled, operation):
                raise AthenaRefusal("Rate exceeded", "TooManyRequestsException")
            handler = getattr(self, f"do_{operation}", None)
            if handler is None:
                raise AthenaRefusal(operation, "UnknownOperationException")
            answer = handler(call)
            if self._counted_down(self.lost, operation):
                raise AthenaRefusal("the answer got lost", "InternalServerException", 500)
            return answer

    def _group_of(self, call: Call) -> str:
        known = self.executions.get(call.get("QueryExecutionId", ""))
        return str(known.group["Name"] if known else call.get("WorkGroup", "primary"))

    @staticmethod
    def _counted_down(counter: Counter[str], operation: str) -> bool:
        if counter[operation] > 0:
            counter[operation] -= 1
            return True
        return False

    # work groups

    def do_CreateWorkGroup(self, call: Call) -> Any:  # noqa: N802
        if call["Name"] in self.groups:
            raise AthenaRefusal(f"WorkGroup {call['Name']} is already created.")
        self.groups[call["Name"]] = {
            "Name": call["Name"],
            "State": "ENABLED",
            "Description": call.get("Description", ""),
            "Configuration": call.get("Configuration", {}),
        }
        return {}

    def do_GetWorkGroup(self, call: Call) -> Any:  # noqa: N802
        return {"WorkGroup": self._group(call["WorkGroup"])}

    def do_UpdateWorkGroup(self, call: Call) -> Any:  # noqa: N802
        group = self._group(call["WorkGroup"])
        group["State"] = call.get("State", group["State"])
        updates = dict(call.get("ConfigurationUpdates", {}))
        if result := updates.pop("ResultConfigurationUpdates", None):
            updates["ResultConfiguration"] = result
        group["Configuration"] = {**group["Configuration"], **updates}
        return {}

    def _group(self, name: str) -> Call:
        if name not in self.groups:
            raise AthenaRefusal(f"WorkGroup {name} is not found.")
        return self.groups[name]

    # queries

    def do_StartQueryExecution(self, call: Call) -> Any:  # noqa: N802
        token = call.pop("ClientRequestToken")
        if not 32 <= len(token) <= 128:
            raise AthenaRefusal("ClientRequestToken: length must be 32 to 128")
        if token in self.tokens:
            known, found = self.tokens[token]
            if known != call:
                raise AthenaRefusal("Idempotent parameters do not match")
            return {"QueryExecutionId": found}
        execution = self._admitted(call)
        self.executions[execution.id] = execution
        self.tokens[token] = call, execution.id
        return {"QueryExecutionId": execution.id}

    def _admitted(self, call: Call) -> Execution:
        group = self._group(call.get("WorkGroup", "primary"))
        if group["State"] != "ENABLED":
            raise AthenaRefusal(f"WorkGroup {group['Name']} is disabled.")
        if len(call["QueryString"].encode()) > 262_144:
            raise AthenaRefusal("Query string is too long")
        for value in call.get("ExecutionParameters", ()):
            if not 1 <= len(value) <= 1024:
                raise AthenaRefusal("ExecutionParameters: length must be 1 to 1024")
        if fault := syntax_fault(call["QueryString"]):
            raise AthenaRefusal(fault)
        if not self._location(call, group):
            raise AthenaRefusal(
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input."
            )
        return Execution(str(uuid.uuid4()), dict(call), group, len(self.executions))

    @staticmethod
    def _location(call: Call, group: Call) -> str:
        """An enforced work group overrides what the client asks for."""
        configuration = group["Configuration"]
        groups = configuration.get("ResultConfiguration", {}).get("OutputLocation", "")
        if configuration.get("EnforceWorkGroupConfiguration"):
            return str(groups)
        return str(call.get("ResultConfiguration", {}).get("OutputLocation") or groups)

    def do_GetQueryExecution(self, call: Call) -> Any:  # noqa: N802
        execution = self._execution(call["QueryExecutionId"])
        self._pass_time(execution)
        return {"QueryExecution": self._described(execution)}

    def _pass_time(self, execution: Execution) -> None:
        if execution.state in ENDS:
            return
        execution.looks += 1
        execution.state = "RUNNING"
        if execution.looks > self.looks:
            self._run(execution)

    def _run(self, execution: Execution) -> None:
        limit = execution.group["Configuration"].get("BytesScannedCutoffPerQuery")
        if self.interrupt:
            execution.error = self.interrupt.pop(0)
            execution.state, execution.reason = "FAILED", execution.error["ErrorMessage"]
            return
        try:
            reads = self.engine.reads(
                execution.call["QueryString"],
                execution.call.get("ExecutionParameters", []),
            )
            execution.scanned = self.scale * sum(item.bytes for item in reads.values())
            if limit is not None and execution.scanned > limit:
                execution.state, execution.reason = "CANCELLED", "Bytes scanned limit was exceeded"
                return
            if execution.call["QueryString"].startswith("UNLOAD"):
                self._unload(execution, reads)
            else:
                execution.answer = self.engine.answer(
                    execution.call["QueryString"], execution.call.get("ExecutionParameters", []), reads
                )
            execution.state = "SUCCEEDED"
        except ClientError as error:  # Athena reads and writes with the caller's rights
            execution.state, execution.reason = "FAILED", f"Insufficient permissions to execute the query. {error}"
        except QueryFault as fault:
            execution.state, execution.reason = "FAILED", str(fault)
            execution.error = {
                "ErrorCategory": 2,
                "ErrorType": 1006,
                "Retryable": False,
                "ErrorMessage": str(fault),
            }

    def _unload(self, execution: Execution, reads: Any) -> None:
        """Write the files and, into the place of results, the manifest that names them."""
        files = self.engine.unload(execution.call["QueryString"], reads)
        if not files:
            return
        execution.manifest = f"{self._location(execution.call, execution.group)}{execution.id}-manifest.csv"
        place = urlsplit(execution.manifest)
        self.engine.s3.put_object(Bucket=place.netloc, Key=place.path.lstrip("/"), Body="\n".join(files).encode())

    def _described(self, execution: Execution) -> Call:
        status = {
            "State": execution.state,
            "SubmissionDateTime": 1_780_000_000 + execution.moment,
            **({"StateChangeReason": execution.reason} if execution.reason else {}),
            **({"AthenaError": execution.error} if execution.error else {}),
        }
        return {
            "QueryExecutionId": execution.id,
            "Query": execution.call["QueryString"],
            "StatementType": "DML" if is_read(execution.call["QueryString"]) else "DDL",
            "ResultConfiguration": {
                "OutputLocation": f"{self._location(execution.call, execution.group)}{execution.id}.csv"
            },
            "ExecutionParameters": execution.call.get("ExecutionParameters", []),
            "Status": status,
            "Statistics": {
                "DataScannedInBytes": execution.scanned,
                "EngineExecutionTimeInMillis": 40,
                **({"DataManifestLocation": execution.manifest} if execution.manifest else {}),
            },
            "WorkGroup": execution.group["Name"],
        }

    def do_StopQueryExecution(self, call: Call) -> Any:  # noqa: N802
        execution = self._execution(call["QueryExecutionId"])
        if execution.state not in ENDS:
            execution.state, execution.reason = "CANCELLED", "Query cancelled by user"
        return {}

    def do_GetQueryResults(self, call: Call) -> Any:  # noqa: N802
        execution = self._execution(call["QueryExecutionId"])
        if execution.state not in ENDS:
            raise AthenaRefusal(f"Query has not yet finished. Current state: {execution.state}")
        if execution.state != "SUCCEEDED":
            raise AthenaRefusal(f"Query did not finish successfully. Final query state: {execution.state}")
        size, start = call.get("MaxResults", 1000), int(call.get("NextToken", 0))
        if not 1 <= size <= 1000:
            raise AthenaRefusal("MaxResults: value must be 1 to 1000")
        columns = execution.answer.columns
        rows = [[column["Name"] for column in columns], *execution.answer.rows]
        page = [{"Data": [{} if v is None else {"VarCharValue": v} for v in row]} for row in rows[start : start + size]]
        more = {"NextToken": str(start + size)} if start + size < len(rows) else {}
        return {"ResultSet": {"Rows": page, "ResultSetMetadata": {"ColumnInfo": columns}}} | more

    # history

    def do_ListQueryExecutions(self, call: Call) -> Any:  # noqa: N802
        self._group(call.get("WorkGroup", "primary"))
        mine = [x.id for x in reversed(self.executions.values()) if x.group["Name"] == call.get("WorkGroup", "primary")]
        size, start = min(call.get("MaxResults", 50), 50), int(call.get("NextToken", 0))
        more = {"NextToken": str(start + size)} if start + size < len(mine) else {}
        return {"QueryExecutionIds": mine[start : start + size]} | more

    def do_BatchGetQueryExecution(self, call: Call) -> Any:  # noqa: N802
        if len(call["QueryExecutionIds"]) > 50:
            raise AthenaRefusal("QueryExecutionIds: at most 50")
        wanted = call["QueryExecutionIds"]
        reached = len(wanted) if self.reach is None else min(self.reach, len(wanted))
        return {
            "QueryExecutions": [self._described(self._execution(one)) for one in wanted[:reached]],
            "UnprocessedQueryExecutionIds": [
                {"QueryExecutionId": one, "ErrorCode": "THROTTLED", "ErrorMessage": ""} for one in wanted[reached:]
            ],
        }

    def _execution(self, one: str) -> Execution:
        if one not in self.executions:
            raise AthenaRefusal(f"QueryExecution {one} was not found")
        return self.executions[one]


@contextmanager
def serving_athena(engine: Engine, port: int = 0) -> Any:
    """Serve on loopback; gives the service and its address."""
    athena = Athena(engine)

    with serving_json(athena.answer, port) as url:
        yield athena, url
