"""One HTTP exchange: send the request, read the body, and map a failure to an error."""

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests
import urllib3

from lakeworks.errors import ConfigError, MalformedSource, ScratchUnavailable, SourceRejected
from lakeworks.sources.http.bounded_connection import bounded
from lakeworks.sources.http.retry import RetryableResponse
from lakeworks.sources.http.secrets import Secret, redacted, scrubbed

_NOT_AN_ADDRESS = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
# Enough of an error page to recognise it.
ERROR_BYTES = 64 << 10
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Message:
    """One request. `accepts` is the largest body in bytes that is read; `until` is on the monotonic clock."""

    url: str
    params: Mapping[str, str | int]
    headers: Mapping[str, str]
    accepts: int | None
    until: float


@dataclass(frozen=True)
class Transport:
    """Settings of a client's connections."""

    session: requests.Session
    timeouts: tuple[float, float]
    user_agent: str
    secret: Secret | None

    def exchange(self, message: Message, body: IO[bytes]) -> tuple[int, Mapping[str, str]]:
        """Send the request, and read the response into `body`. Return status and headers.

        Errors do not chain another library's exception, because that contains the request with its key, and Python prints
        chained exceptions.

        Raises:
            RetryableResponse: connection failure, timeout, reset, or a truncated body.
            ConfigError: the address is invalid.
            SourceRejected: endless redirects, or a redirect to a private address.
            MalformedSource: the body is larger than accepted.
            ScratchUnavailable: `body` cannot be written.
        """
        shown = redacted(message.url)
        try:
            return self._exchange(message, body)
        except _NOT_AN_ADDRESS as error:
            failure: Exception = ConfigError(
                f"`{shown}` is not an address to fetch from ({type(error).__name__}). Nothing was landed. Correct host and "
                "password of this source's Airflow connection; the host is an address: http(s)://host[:port]."
            )
        except requests.TooManyRedirects:
            failure = SourceRejected(
                f"`{shown}` redirects in a circle. Nothing was landed. Check the host of this source's Airflow "
                "connection."
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
            late = time.monotonic() > message.until
            said = "the answer was not complete within the deadline" if late else type(error).__name__
            failure = RetryableResponse(f"{said}: {scrubbed(str(error))}")
        except OSError as error:  # the local disk's: errors of `requests` are OSErrors too, but caught above
            failure = unwritable(Path(str(getattr(body, "name", "memory"))), error)
        raise failure

    def _exchange(self, message: Message, body: IO[bytes]) -> tuple[int, Mapping[str, str]]:
        headers, params = {"User-Agent": self.user_agent, **message.headers}, dict(message.params)
        if self.secret and self.secret.place == "header":
            headers[self.secret.name] = self.secret.value
        elif self.secret:
            params[self.secret.name] = self.secret.value
        with (
            bounded(self.session, message.url, message.until),
            self.session.get(
                message.url,
                params=params,
                headers=headers,
                stream=True,
                timeout=self.timeouts,
                allow_redirects=self.secret is None,  # a key must not be sent to another host
            ) as answer,
        ):
            _read(answer, body, message)
            return answer.status_code, answer.headers


def _read(answer: requests.Response, body: IO[bytes], message: Message) -> None:
    """Read the body as it arrives, so that the deadline also ends a very slow response."""
    accepts = message.accepts if answer.status_code == 200 else ERROR_BYTES
    while chunk := answer.raw.read1(_CHUNK, decode_content=True):
        body.write(chunk)
        if time.monotonic() > message.until:
            raise RetryableResponse("the answer was not complete within the deadline")
        if accepts is not None and body.tell() > accepts:
            if answer.status_code != 200:
                return
            raise MalformedSource(
                f"`{redacted(message.url)}` sends more than {accepts} bytes. Nothing was landed. Ask for less, or let the "
                "client accept larger answers."
            )
    if time.monotonic() > message.until:  # the timer closed the connection: it can look like a chunked body's end
        raise RetryableResponse("the answer was not complete within the deadline")
    announced = answer.headers.get("Content-Length", "")
    received = answer.raw.tell()  # counted on the wire: a compressed body is longer after decompression
    if announced.isdecimal() and int(announced) != received and answer.status_code not in (204, 304):
        raise RetryableResponse(f"the body broke off after {received} of {announced} bytes")


def unwritable(path: Path, error: OSError) -> ScratchUnavailable:
    """Return the error for a scratch file that cannot be written."""
    return ScratchUnavailable(
        f"`{path}` cannot be written: {error.strerror or error}. Nothing was landed; the file was removed. "
        "Free space in LAKE_SCRATCH_DIR, or name another folder. Airflow retries."
    )
