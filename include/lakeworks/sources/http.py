"""The HTTP core all sources share: timeouts, retry with jitter and Retry-After, streaming to disk, errors by meaning."""

import hashlib
import logging
import math
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from lakeworks.errors import ConfigError, LakeError, MalformedSource, SourceRejected, SourceUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")
_NOT_AN_ADDRESS = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
USER_AGENT = "lakeworks/0.1"


class _Again(Exception):
    """This attempt failed in a way that another may not."""

    def __init__(self, reason: str, wait: float | None = None, final: type[LakeError] = SourceUnavailable) -> None:
        super().__init__(reason)
        self.wait = wait
        self.final = final


@dataclass(frozen=True)
class Fetched:
    """A body on disk and the headers it came with."""

    path: Path
    url: str
    status: int
    headers: Mapping[str, str]
    sha256: str
    size: int
    fetched_at: datetime


@dataclass(frozen=True)
class HttpSource:
    """Requests against one base address. Session, clock and sleep are passed in, so that tests need no patching."""

    base_url: str
    session: requests.Session = field(default_factory=requests.Session)
    attempts: int = 5
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep)

    def url(self, path: str) -> str:
        """The full address of a path."""
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"

    def download(
        self, path: str, target: Path, *, headers: Mapping[str, str] | None = None, check: Callable[[Path], str | None]
    ) -> Fetched:
        """Stream a body into `target`; `check` names what is wrong with a complete file, or None.

        A 304 or any 4xx but 408 and 429 comes back with its status and no file: what it means is the vendor's affair.

        Raises:
            SourceUnavailable: timeouts, resets, 408, 429, 5xx or cut-off bodies, `attempts` times.
            MalformedSource: `check` found the same fault at every attempt.
        """
        return self._retrying(path, lambda: self._download_once(path, target, headers or {}, check))

    def _download_once(
        self, path: str, target: Path, headers: Mapping[str, str], check: Callable[[Path], str | None]
    ) -> Fetched:
        url, digest, size = self.url(path), hashlib.sha256(), 0
        timeout = (self.connect_timeout, self.read_timeout)
        wanted = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        try:
            with self.session.get(url, stream=True, timeout=timeout, headers=wanted) as answer:
                _raise_for_retry(answer)
                if answer.status_code != 200:
                    return Fetched(target, redacted(url), answer.status_code, answer.headers, "", 0, datetime.now(UTC))
                with target.open("wb") as file:
                    for chunk in answer.iter_content(1 << 20):
                        digest.update(chunk)
                        size += file.write(chunk)
                announced = answer.headers.get("Content-Length")
                if announced is not None and int(announced) != size:
                    raise _Again(f"the body broke off after {size} of {announced} bytes")
            if problem := check(target):
                raise _Again(problem, final=MalformedSource)
        except _NOT_AN_ADDRESS as error:
            raise ConfigError(
                f"`{redacted(url)}` is not an address to fetch from ({type(error).__name__}). Nothing was landed. Correct the "
                "host of this source's Airflow connection: http(s)://host[:port]."
            ) from error
        except (requests.RequestException, _Again) as error:
            target.unlink(missing_ok=True)  # half a file must not be taken for a whole one
            raise (
                error if isinstance(error, _Again) else _Again(f"{type(error).__name__}: {scrubbed(str(error))}")
            ) from error
        return Fetched(target, redacted(url), 200, answer.headers, digest.hexdigest(), size, datetime.now(UTC))

    def _retrying(self, path: str, attempt: Callable[[], T]) -> T:
        retrying = Retrying(
            stop=stop_after_attempt(self.attempts),
            retry=retry_if_exception_type(_Again),
            wait=self._wait,
            sleep=self.sleep,
            before_sleep=lambda state: log.warning(
                "%s: %s; attempt %d follows", redacted(self.url(path)), _reason(state), state.attempt_number + 1
            ),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _Again as error:
            hint = (
                "Look at the address and the connection of this source."
                if error.final is MalformedSource
                else "Airflow retries; nothing needs to be done unless it goes on."
            )
            raise error.final(
                f"`{redacted(self.url(path))}` failed {self.attempts} times, last: {error}. Nothing was landed. {hint}"
            ) from error

    def _wait(self, state: RetryCallState) -> float:
        """What the server asked for, else 1, 2, 4 ... s with full jitter (a crowd must not come back at once)."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _Again) and error.wait is not None:
            return min(error.wait, self.longest_wait)
        return random.uniform(0.5, 1.0) * min(2.0 ** (state.attempt_number - 1), self.longest_wait)  # noqa: S311 - jitter


def rejected(fetched: Fetched, advice: str) -> SourceRejected:
    """The error for a 4xx that is not worth retrying."""
    return SourceRejected(f"`{redacted(fetched.url)}` answered HTTP {fetched.status}. Nothing was landed. {advice}")


def redacted(url: str) -> str:
    """The address without user info and query, where keys live; what is stored and shown."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "…" if parts.query else "", ""))


def scrubbed(text: str) -> str:
    """Another library's message without the user info and query values it may quote."""
    return re.sub(r"([?&][^=&\s]+)=[^&\s'\")]+", r"\1=…", re.sub(r"//[^/@\s]+@", "//", text))


def _raise_for_retry(answer: requests.Response) -> None:
    if answer.status_code in (408, 429) or answer.status_code >= 500:
        raise _Again(f"HTTP {answer.status_code}", wait=_retry_after(answer.headers.get("Retry-After")))


def _retry_after(value: str | None) -> float | None:
    """Seconds, as a number (vendors send floats) or an HTTP date (RFC 9110, 10.2.3); None for anything else."""
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


def _reason(state: RetryCallState) -> str:
    return str(state.outcome.exception()) if state.outcome else ""
