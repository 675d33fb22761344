"""Retries: bounded attempts, jitter, Retry-After, and a deadline over all attempts."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from lakeworks.errors import LakeError, MalformedSource, SourceUnavailable
from lakeworks.sources.response import SourceResponse

T = TypeVar("T")


class RetryableResponse(Exception):
    """A failed attempt that a retry may cure. After the last attempt `final` is raised instead."""

    def __init__(self, reason: str, wait: float | None = None, final: type[LakeError] = SourceUnavailable) -> None:
        super().__init__(reason)
        self.wait = wait
        self.final = final


@dataclass(frozen=True)
class RetryPolicy:
    """Number and timing of attempts for one request."""

    attempts: int
    longest_wait: float
    sleep: Callable[[float], None]
    is_late: Callable[[], bool]
    before_retry: Callable[[RetryableResponse, int], None]

    def run(self, attempt: Callable[[], T]) -> T:
        """Attempt until one does not raise `RetryableResponse`, and return its result.

        Raises:
            RetryableResponse: the last attempt's.
        """
        retrying = Retrying(
            stop=lambda state: state.attempt_number >= self.attempts or self.is_late(),
            retry=retry_if_exception_type(RetryableResponse),
            wait=self._wait,
            sleep=self.sleep,
            before_sleep=self._tell,
            reraise=True,
        )
        return retrying(attempt)

    def _wait(self, state: RetryCallState) -> float:
        """Return the wait that the server asked for, else 1, 2, 4 … s with jitter, so that clients do not all retry at once."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RetryableResponse) and error.wait is not None:
            return min(error.wait, self.longest_wait)
        return random.uniform(0.5, 1.0) * min(2.0 ** (state.attempt_number - 1), self.longest_wait)  # noqa: S311 - jitter

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RetryableResponse):
            self.before_retry(error, state.attempt_number + 1)


def retry_after(value: str | None) -> float | None:
    """Parse Retry-After: seconds (vendors send floats) or an HTTP date (RFC 9110, 10.2.3); None for anything else."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        # A zone of -0000 means UTC of unknown origin and parses as naive (RFC 5322, 3.3).
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def json_or_again(answer: SourceResponse) -> Any:
    """Return a response's JSON; for use in a `check`.

    Raises:
        RetryableResponse: it is not JSON (an HTML page, a truncated body); MalformedSource after the last attempt.
    """
    try:
        return answer.json()
    except ValueError:
        raise RetryableResponse(
            f"the answer is no JSON; it begins with {answer.quoted()}", final=MalformedSource
        ) from None
