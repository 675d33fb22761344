"""Clients of a service whose configuration is eventually consistent, as AWS's is: reads answer the past for a while."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lakeworks.infrastructure.resource import Clients

# Strongly consistent (S3 User Guide, objects), not a setting, or botocore's own waiters, which wait by themselves.
PROMPT = (
    "GetObject", "HeadObject", "HeadBucket", "ListObjectsV2", "GetCallerIdentity", "DescribeStream", "DescribeTable",
)  # fmt: skip


def is_configuration(operation: str) -> bool:
    """Return True for every read of a setting, of every service."""
    return operation.startswith(("Get", "Describe", "List")) and operation not in PROMPT


@dataclass
class LateReads:
    """Clients that answer what a setting was `lag` seconds ago, on a clock that only pauses move.

    `made` makes a new client of the real server at each call.
    """

    made: Clients
    lag: float
    is_late: Callable[[str], bool] = is_configuration
    now: float = 0.0
    delayed: set[str] = field(default_factory=set)  # operations that answered the past, and it was not the present
    answers: dict[str, list[tuple[float, Any]]] = field(default_factory=dict)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self, service: str, region: str | None = None) -> Any:
        client = self.made(service, region)
        if hasattr(client.meta, "events"):
            client.meta.events.register("before-call", self._answer)
        return client

    def _answer(self, model: Any, params: Any, request_signer: Any, **_: Any) -> Any:
        if not self.is_late(model.name):
            return None
        true = self._true(model, params)
        seen = self.answers.setdefault(f"{model.name} {params['url']} {params.get('body')}", [(-1e9, true)])
        seen.append((self.now, true))
        answer = [answer for at, answer in seen if at <= self.now - self.lag][-1]
        if _content(answer) != _content(true):
            self.delayed.add(f"{model.service_model.service_name}.{model.name}")
        return answer

    def _true(self, model: Any, params: Any) -> Any:
        made = self.made(model.service_model.service_name)
        return made._make_request(model, params, {"auth_type": None, **params.get("context", {})})


def _content(answer: Any) -> Any:
    return {key: value for key, value in answer[1].items() if key != "ResponseMetadata"}
