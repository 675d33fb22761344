"""HTTP client shared by all sources: budget, timeouts, deadline, retries, streaming, secrets, typed errors, metrics."""

import hashlib
import io
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TypeVar
from urllib.parse import urlencode

import requests

from lakeworks.errors import MalformedSource, QuotaExhausted, SourceRejected, SourceUnavailable
from lakeworks.sources.http.limits import Limiter
from lakeworks.sources.http.retry import RetryableResponse, RetryPolicy, retry_after
from lakeworks.sources.http.secrets import Secret, redacted, scrubbed, without_keys
from lakeworks.sources.http.transport import ERROR_BYTES, Message, Transport, unwritable
from lakeworks.sources.response import KEPT_HEADERS, SourceResponse

log = logging.getLogger(__name__)
T = TypeVar("T")
USER_AGENT = "lakeworks/0.1"
_ADVICE = {
    401: "Check the password (key or token) of this source's Airflow connection.",
    403: "Check the key and its permissions. A firewall may have answered instead of the vendor.",
    404: "Check the host of this source's Airflow connection and the names in the contract's source_options.",
}


@dataclass(frozen=True)
class HttpDownload:
    """A body on disk and its headers. Any status but 200 has no file, only the beginning of the body."""

    path: Path
    url: str
    status: int
    headers: Mapping[str, str]
    sha256: str
    size: int
    fetched_at: datetime
    error_body: str = ""


@dataclass
class Metrics:
    """Counts of a client's requests; every attempt counts."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    seconds: float = 0.0
    waited_seconds: float = 0.0

    def rounded(self) -> dict[str, float]:
        """Return rounded figures for a log line or a landing set."""
        return {name: round(value, 3) for name, value in vars(self).items()}


@dataclass(frozen=True)
class HttpSource:
    """Requests against one base address. Session, budget and sleep are passed in, so that tests need no patching.

    `deadline` limits one request with all its attempts, in seconds. `longest_wait` limits one Retry-After.
    """

    base_url: str
    session: requests.Session = field(default_factory=requests.Session)
    attempts: int = 5
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    longest_wait: float = 60.0
    deadline: float = 1800.0
    largest_answer: int = 256 << 20
    secret: Secret | None = None
    user_agent: str = USER_AGENT
    limiter: Limiter = field(default_factory=lambda: Limiter("source"))
    sleep: Callable[[float], None] = field(default=time.sleep)
    metrics: Metrics = field(default_factory=Metrics)

    def url(self, path: str) -> str:
        """Return the full address of a path. An address of this vendor stays unchanged."""
        base = self.base_url.rstrip("/")
        return path if path.startswith(f"{base}/") else f"{base}/{path.lstrip('/')}"

    def ask(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        check: Callable[[SourceResponse], bool] = lambda _: False,
    ) -> SourceResponse:
        """Send a request whose body fits into memory. `check` gets every complete response first, whatever its status.

        `check` returns True to accept the response, and False to let the status decide. It raises `RetryableResponse` for a
        temporary failure, or a LakeError for a permanent one (vendors send "too many requests" with HTTP 200).

        Raises:
            SourceUnavailable: timeouts, resets, 408, 429, 5xx or cut-off bodies, `attempts` times.
            QuotaExhausted: the budget is used up, or the vendor asks to wait longer than `longest_wait`.
            SourceRejected: any other status but 200.
        """

        def once(until: float) -> SourceResponse:
            body = io.BytesIO()
            message = Message(self.url(path), params or {}, headers or {}, self.largest_answer, until)
            status, received = self._send(message, body)
            kept = {name: without_keys(received[name]) for name in KEPT_HEADERS if name in received}
            content = self.secret.blanked_in(body.getvalue()) if self.secret else body.getvalue()
            shown = redacted(self.url(path)) + (f"?{_shown(params)}" if params else "")
            answer = SourceResponse(content, shown, status, kept, datetime.now(UTC))
            if not _judged(answer, check):
                self._raise_for_retry(status, received)
                if status != 200:
                    raise SourceRejected(
                        f"`{shown}` answered HTTP {status}: {scrubbed(answer.quoted())}. Its response was not landed. "
                        f"{_ADVICE.get(status, 'Check the parameters against the documentation of the vendor.')}"
                    )
            return answer

        return self._retrying(path, once)

    def download(
        self, path: str, target: Path, *, headers: Mapping[str, str] | None = None, check: Callable[[Path], str | None]
    ) -> HttpDownload:
        """Stream a body into `target`. `check` returns the fault of a complete file, or None.

        A 304, or any 4xx but 408 and 429, is returned with its status and no file: its meaning depends on the vendor.

        Raises:
            SourceUnavailable: timeouts, resets, 408, 429, 5xx or cut-off bodies, `attempts` times.
            MalformedSource: `check` found the same fault at every attempt.
            QuotaExhausted: see `ask`.
            ScratchUnavailable: the file cannot be written.
        """

        def once(until: float) -> HttpDownload:
            message = Message(self.url(path), {}, {"Accept-Encoding": "identity", **(headers or {})}, None, until)
            fetched = self._download_once(message, target)
            if fetched.status != 200:
                target.unlink()
            elif problem := check(target):
                raise RetryableResponse(scrubbed(problem), final=MalformedSource)
            return fetched

        try:
            return self._retrying(path, once)
        except BaseException:
            target.unlink(missing_ok=True)  # a partial file must not pass as a whole one
            raise

    def exhausted(self, wait: timedelta, reason: str) -> QuotaExhausted:
        """Record for all tasks that the vendor wants no requests for a while. Return the error to raise."""
        return self.limiter.close(datetime.fromtimestamp(self.limiter.clock(), UTC) + wait, reason)

    def _download_once(self, message: Message, target: Path) -> HttpDownload:
        try:
            with target.open("w+b") as file:
                status, headers = self._send(message, file)
                self._raise_for_retry(status, headers)
                size = file.tell()
                file.seek(0)
                error_body = "" if status == 200 else scrubbed(file.read(ERROR_BYTES).decode(errors="replace"))
                sha256 = hashlib.file_digest(file, "sha256").hexdigest() if status == 200 else ""
        except OSError as error:
            raise unwritable(target, error) from error
        size, shown = size if status == 200 else 0, redacted(message.url)
        return HttpDownload(target, shown, status, headers, sha256, size, datetime.now(UTC), error_body)

    def _send(self, message: Message, body: IO[bytes]) -> tuple[int, Mapping[str, str]]:
        if wait := self.limiter.reserve():
            self.metrics.waited_seconds += wait
            self.sleep(wait)
        self.metrics.requests += 1
        transport = Transport(self.session, (self.connect_timeout, self.read_timeout), self.user_agent, self.secret)
        started = time.monotonic()
        try:
            return transport.exchange(message, body)
        finally:
            self.metrics.seconds += time.monotonic() - started
            self.metrics.bytes += body.tell()

    def _raise_for_retry(self, status: int, headers: Mapping[str, str]) -> None:
        if status not in (408, 429) and status < 500:
            return
        wait = retry_after(headers.get("Retry-After"))
        if wait is not None and wait > self.longest_wait:
            raise self.exhausted(timedelta(seconds=wait), f"it answered HTTP {status} and asks to wait {wait:.0f} s")
        raise RetryableResponse(f"HTTP {status}", wait=wait)

    def _retrying(self, path: str, attempt: Callable[[float], T]) -> T:
        until = time.monotonic() + self.deadline
        shown, tries = redacted(self.url(path)), 1

        def tell(error: RetryableResponse, number: int) -> None:
            nonlocal tries
            tries = number
            self.metrics.retries += 1
            log.warning("%s: %s; attempt %d follows", shown, error, number)

        policy = RetryPolicy(self.attempts, self.longest_wait, self.sleep, lambda: time.monotonic() > until, tell)
        try:
            result = policy.run(lambda: attempt(until))
        except RetryableResponse as error:
            failure = error
        else:
            self.limiter.succeeded()
            return result
        if failure.final is SourceUnavailable:
            self.limiter.failed()
        hint = (
            "Check the address and the Airflow connection of this source."
            if failure.final is MalformedSource
            else "Airflow retries. If it continues, check the vendor's status page."
        )
        raise failure.final(f"`{shown}` failed {tries} times, last: {failure}. Its response was not landed. {hint}")


def _judged(answer: SourceResponse, check: Callable[[SourceResponse], bool]) -> bool:
    """Return the check's verdict. If it fails on a response (a list instead of an object), the response is malformed."""
    try:
        return check(answer)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        reason = f"the answer has another shape than expected ({error}); it begins with {scrubbed(answer.quoted())}"
    raise RetryableResponse(reason, final=MalformedSource)


def rejected(fetched: HttpDownload, advice: str) -> SourceRejected:
    """Return the error for a 4xx that a retry cannot cure."""
    said = f" ({fetched.error_body[:120]!r})" if fetched.error_body else ""
    return SourceRejected(f"`{fetched.url}` answered HTTP {fetched.status}{said}. Nothing was landed. {advice}")


def _shown(params: Mapping[str, str | int]) -> str:
    """Return the query to store and show. It has no key: the key is added when the request is sent."""
    return without_keys(urlencode(params))
