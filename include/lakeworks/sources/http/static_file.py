"""A vendor's static file with an ETag: downloaded only if it changed."""

from collections.abc import Callable
from pathlib import Path

from lakeworks.errors import LakeError
from lakeworks.sources.http.client import HttpDownload, HttpSource
from lakeworks.sources.protocols import Download, NotModified


def fetch_if_changed(
    http: HttpSource,
    path: str,
    target: Path,
    *,
    known_etag: str | None,
    check: Callable[[Path], str | None],
    refusal: Callable[[HttpDownload], LakeError],
) -> Download | NotModified:
    """Download a file to `target` unless it still has the known ETag.

    `check` returns the fault of a complete file, or None. `refusal` returns the error of any status but 200 and 304.
    """
    headers = {"If-None-Match": known_etag} if known_etag else {}
    fetched = http.download(path, target, headers=headers, check=check)
    if fetched.status == 304 and known_etag:
        return NotModified(fetched.url, known_etag)
    if fetched.status != 200:
        raise refusal(fetched)
    return Download(
        path=fetched.path,
        url=fetched.url,
        etag=fetched.headers.get("ETag"),
        last_modified=fetched.headers.get("Last-Modified"),
        sha256=fetched.sha256,
        size=fetched.size,
        fetched_at=fetched.fetched_at,
    )
