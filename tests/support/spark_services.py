"""EMR Serverless, Glue's job runs and the Spark operator as their references describe them, over one machine that runs the jobs.

Time passes by looks: a job waits at the first look, runs at the second, and has ended at the third. Written from the API references
and botocore's service models; they hold everything in memory and share no code with lakeworks.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.json_service import ServiceRefusal, serving_json
from tests.support.rest_service import RestRefusal, serving_rest
from tests.support.spark_machine import SparkMachine

Document = dict[str, Any]
MOMENT = 1_780_000_000


@dataclass
class Job:
    """One job of a service; `state` is the service's own word."""

    id: str
    name: str
    call: Document
    state: str
    entry: str
    arguments: list[str]
    reason: str = ""
    moment: int = 0
    began: bool = False


@dataclass
class SparkService:
    """What the three have in common. `throttled` and `lost` count requests of an operation to refuse, or to answer in vain."""

    machine: SparkMachine
    jobs: dict[str, Job] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    words: tuple[str, str, str, str, str] = ("SUBMITTED", "RUNNING", "SUCCESS", "FAILED", "CANCELLED")

    def look(self, job: Job) -> None:
        """Let time pass."""
        waiting, running, succeeded, failed, _ = self.words
        if job.state == waiting:
            job.state = running
        elif job.state == running and not self.machine.is_held and not job.began:
            job.began = True  # a client that waits no longer looks again: the job still runs once
            job.reason = self.machine.run(job.entry, job.arguments)
            job.state = failed if job.reason else succeeded

    def end(self, job: Job) -> bool:
        """Cancel a job; False if it had ended."""
        if job.state in self.words[2:]:
            return False
        job.state, job.reason = self.words[4], "it was cancelled"
        return True

    @staticmethod
    def counted_down(counter: Counter[str], operation: str) -> bool:
        if counter[operation] > 0:
            counter[operation] -= 1
            return True
        return False


class EmrService(SparkService):
    """EMR Serverless: applications and job runs, with client tokens."""

    def __init__(self, machine: SparkMachine) -> None:
        super().__init__(machine)
        self.applications: dict[str, Document] = {}
        self.tokens: dict[str, str] = {}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        parts = path.strip("/").split("/")
        operation = f"{method} {'jobruns' if len(parts) > 2 else 'applications'}"
        self.calls[operation] += 1
        if self.counted_down(self.throttled, operation):
            raise RestRefusal("ThrottlingException", "Rate exceeded", 429)
        found = (
            self._jobs(method, parts, query, body) if len(parts) > 2 else self._applications(method, parts, query, body)
        )
        if self.counted_down(self.lost, operation):
            raise RestRefusal("InternalServerException", "the answer got lost", 500)
        return found

    def _applications(self, method: str, parts: list[str], query: dict[str, list[str]], body: Any) -> Any:
        if len(parts) == 2:
            if (found := self.applications.get(parts[1])) is None:
                raise RestRefusal("ResourceNotFoundException", f"Application {parts[1]} does not exist", 404)
            if method == "PATCH":
                if found["state"] not in ("CREATED", "STOPPED"):
                    raise RestRefusal(
                        "ValidationException", f"Application {parts[1]} is not in CREATED or STOPPED state", 400
                    )
                found |= {key: value for key, value in body.items() if key != "clientToken"}
            return {"application": found}
        if method == "GET":
            states = query.get("states", [])
            summaries = [one for one in self.applications.values() if not states or one["state"] in states]
            return {"applications": [{**one, "id": one["applicationId"]} for one in summaries]}
        if re.fullmatch(r"[A-Za-z0-9._/#-]{1,64}", body["name"]) is None:
            raise RestRefusal("ValidationException", "name", 400)
        number = f"00app{next(self.numbers)}"
        self.applications[number] = {
            **{key: value for key, value in body.items() if key != "clientToken"}, "applicationId": number, "state": "CREATED",
            "arn": f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{number}", "createdAt": MOMENT, "updatedAt": MOMENT,
        }  # fmt: skip
        return {"applicationId": number, "name": body["name"], "arn": self.applications[number]["arn"]}

    def _jobs(self, method: str, parts: list[str], query: dict[str, list[str]], body: Any) -> Any:
        if parts[1] not in self.applications:
            raise RestRefusal("ResourceNotFoundException", f"Application {parts[1]} does not exist", 404)
        if method == "POST":
            return self._started(parts[1], body)
        if len(parts) == 3:
            states = query.get("states", [])
            return {
                "jobRuns": [self._run(parts[1], job) for job in self.jobs.values() if not states or job.state in states]
            }
        if (job := self.jobs.get(parts[3])) is None:
            raise RestRefusal("ResourceNotFoundException", f"Job run {parts[3]} does not exist", 404)
        if method == "DELETE":
            if not self.end(job):
                raise RestRefusal("ValidationException", f"Job run {job.id} is in {job.state} state", 400)
            return {"applicationId": parts[1], "jobRunId": job.id}
        self.look(job)
        return {"jobRun": self._run(parts[1], job)}

    def _started(self, application: str, body: Document) -> Document:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", body["clientToken"]) or body["executionTimeoutMinutes"] < 5:
            raise RestRefusal("ValidationException", "clientToken or executionTimeoutMinutes", 400)
        if known := self.tokens.get(body["clientToken"]):
            if self.jobs[known].call != body:
                raise RestRefusal("ConflictException", "the token belongs to another request", 409)
            return {"applicationId": application, "jobRunId": known, "arn": f"arn:{known}"}
        number, submit = f"00job{next(self.numbers)}", body["jobDriver"]["sparkSubmit"]
        self.tokens[body["clientToken"]] = number
        self.jobs[number] = Job(
            number,
            body["name"],
            body,
            "SUBMITTED",
            submit["entryPoint"],
            submit["entryPointArguments"],
            moment=MOMENT + len(self.jobs),
        )
        self.applications[application]["state"] = "STARTED"
        return {"applicationId": application, "jobRunId": number, "arn": f"arn:{number}"}

    def _run(self, application: str, job: Job) -> Document:
        return {
            "applicationId": application, "jobRunId": job.id, "id": job.id, "name": job.name, "state": job.state,
            "stateDetails": job.reason, "createdAt": job.moment, "updatedAt": job.moment, "arn": f"arn:{job.id}",
            "createdBy": "arn", "executionRole": job.call["executionRoleArn"], "releaseLabel": "emr-7.9.0", "jobDriver": job.call["jobDriver"],
        }  # fmt: skip


class GlueJobService(SparkService):
    """Glue's jobs and their runs. There is no client token: a repeated start is another run."""

    def __init__(self, machine: SparkMachine) -> None:
        super().__init__(machine, words=("STARTING", "RUNNING", "SUCCEEDED", "FAILED", "STOPPED"))
        self.definitions: dict[str, Document] = {}

    def answer(self, operation: str, call: Document) -> Any:
        self.calls[operation] += 1
        if self.counted_down(self.throttled, operation):
            raise ServiceRefusal("ThrottlingException", "Rate exceeded")
        name = call.get("JobName") or call.get("Name")
        if operation == "CreateJob":
            self.definitions[call["Name"]] = call
            return {"Name": name}
        if name not in self.definitions:
            raise ServiceRefusal("EntityNotFoundException", f"Failed to start job run due to missing metadata: {name}")
        found = getattr(self, f"do_{operation}")(call)
        if self.counted_down(self.lost, operation):
            raise ServiceRefusal("InternalServiceException", "the answer got lost", 500)
        return found

    def do_GetJob(self, call: Document) -> Document:  # noqa: N802
        return {"Job": self.definitions[call["JobName"]]}

    def do_UpdateJob(self, call: Document) -> Document:  # noqa: N802
        self.definitions[call["JobName"]] = {"Name": call["JobName"], **call["JobUpdate"]}  # what is not named is reset
        return {"JobName": call["JobName"]}

    def do_StartJobRun(self, call: Document) -> Document:  # noqa: N802
        definition = self.definitions[call["JobName"]]
        busy = [job for job in self.jobs.values() if job.state in self.words[:2]]
        if len(busy) >= definition.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1):
            raise ServiceRefusal("ConcurrentRunsExceededException", "Concurrent runs exceeded")
        number, given = f"jr_{next(self.numbers)}", {**definition.get("DefaultArguments", {}), **call["Arguments"]}
        arguments = [part for pair in given.items() for part in pair]
        self.jobs[number] = Job(
            number,
            "",
            call,
            "STARTING",
            definition["Command"]["ScriptLocation"],
            arguments,
            moment=MOMENT + len(self.jobs),
        )
        return {"JobRunId": number}

    def do_GetJobRun(self, call: Document) -> Document:  # noqa: N802
        if (job := self.jobs.get(call["RunId"])) is None:
            raise ServiceRefusal("EntityNotFoundException", f"Job run {call['RunId']} not found")
        self.look(job)
        return {"JobRun": self._run(job)}

    def do_GetJobRuns(self, call: Document) -> Document:  # noqa: N802
        return {"JobRuns": [self._run(job) for job in reversed(self.jobs.values())]}

    def do_BatchStopJobRun(self, call: Document) -> Document:  # noqa: N802
        errors = []
        for number in call["JobRunIds"]:
            if not self.end(self.jobs[number]):
                detail = {
                    "ErrorCode": "JobRunNotInTerminalStateException",
                    "ErrorMessage": "not in a valid state for stopping",
                }
                errors.append({"JobName": call["JobName"], "JobRunId": number, "ErrorDetail": detail})
        return {"SuccessfulSubmissions": [], "Errors": errors}

    def _run(self, job: Job) -> Document:
        reason = {"ErrorMessage": job.reason} if job.reason else {}
        return {
            "Id": job.id, "JobName": job.call["JobName"], "JobRunState": job.state, "StartedOn": job.moment,
            "Arguments": job.call["Arguments"], **reason,
        }  # fmt: skip


class OperatorService(SparkService):
    """Kubernetes with the Spark operator: names are unique, and a deleted application is gone."""

    def __init__(self, machine: SparkMachine) -> None:
        super().__init__(machine, words=("SUBMITTED", "RUNNING", "COMPLETED", "FAILED", "DELETED"))

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        operation = method
        self.calls[operation] += 1
        if self.counted_down(self.throttled, operation):
            raise RestRefusal("", "too many requests", 429)
        found = re.fullmatch(
            r"/apis/sparkoperator\.k8s\.io/v1beta2/namespaces/spark/sparkapplications(?:/([a-z0-9-]{1,63}))?", path
        )
        if found is None:
            raise RestRefusal("", "the server could not find the requested resource", 404)
        answer = (
            self._created(body) if method == "POST" else self._listed() if not found[1] else self._one(method, found[1])
        )
        if self.counted_down(self.lost, operation):
            raise RestRefusal("", "etcdserver: request timed out", 500)
        return answer

    def _created(self, body: Document) -> Document:
        name, spec = body["metadata"]["name"], body["spec"]
        missing = [
            key for key in ("driver", "executor", "mainApplicationFile", "sparkVersion", "type") if key not in spec
        ]
        if missing or not re.fullmatch(r"[a-z0-9-]{1,63}", name):
            raise RestRefusal("", f"SparkApplication {name} is invalid: {missing}", 422)
        if name in self.jobs:
            raise RestRefusal("", f'sparkapplications "{name}" already exists', 409)
        self.jobs[name] = Job(name, name, body, "SUBMITTED", spec["mainApplicationFile"], spec["arguments"])
        return body

    def _listed(self) -> Document:
        return {"items": [self._document(job) for job in self.jobs.values()]}

    def _one(self, method: str, name: str) -> Document:
        if (job := self.jobs.get(name)) is None:
            raise RestRefusal("", f'sparkapplications "{name}" not found', 404)
        if method == "DELETE":
            del self.jobs[name]
        else:
            self.look(job)
        return self._document(job)

    @staticmethod
    def _document(job: Job) -> Document:
        return {**job.call, "status": {"applicationState": {"state": job.state, "errorMessage": job.reason}}}


@contextmanager
def serving(service: EmrService | GlueJobService | OperatorService) -> Iterator[str]:
    """Serve one of them. Gives its address."""
    if isinstance(service, GlueJobService):
        with serving_json(service.answer) as url:
            yield url
    else:
        with serving_rest(service.answer) as url:
            yield url
