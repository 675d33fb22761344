"""Download of objects to this machine. Ranges of one version go into a part file, which is renamed once it is complete."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from lakeworks.aws_errors import is_nobody
from lakeworks.errors import ConfigError, LakeError, LakeNotFound, LakeUnavailable, ScratchUnavailable
from lakeworks.objects.key_range import KeyRange
from lakeworks.objects.listing import ListedVersion
from lakeworks.objects.outcome import KeyOutcome
from lakeworks.s3.multipart import part_bytes, single_request_bytes
from lakeworks.s3.object_store import SHA256, ObjectStore, StoredObject
from lakeworks.s3.transfer_budget import within_budget

# boto3 retries a request, but not a body that breaks off while it is read.
_PATIENTLY = retry(
    retry=retry_if_exception_type(LakeUnavailable),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(0.2, max=5),
    reraise=True,
)


@dataclass(frozen=True)
class ObjectDownload:
    """A download of many objects into one folder."""

    store: ObjectStore
    keys: KeyRange
    folder: Path
    arrived: Callable[[int], None]
    dry_run: bool = False

    def run(self, objects: Sequence[ListedVersion]) -> list[KeyOutcome]:
        """Download every object. Return `loaded`, `same`, `skipped` or `failed` for each, in their order.

        Raises:
            ScratchUnavailable: the disk is full; complete files stay, part files are removed.
            LakeAccessDenied, CredentialsExpired: the credentials themselves are refused.
        """
        with _disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            return within_budget(self.store, objects, lambda item: item.size, self._bring)

    def _bring(self, item: ListedVersion) -> KeyOutcome:
        if item.key.endswith("/"):
            return KeyOutcome(item.key, "skipped", 0, item.version_id, "is a folder marker of a console, not a file")
        try:
            path = inside(self.folder, self.keys.relative(item.key))
            if self.dry_run:
                return KeyOutcome(item.key, "would get", item.size, item.version_id)
            outcome = self._file(item, path)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            return KeyOutcome(item.key, "failed", item.size, item.version_id, f"`{error.filename}`: {error.strerror}")
        except LakeError as error:
            if is_nobody(error) or isinstance(error, ScratchUnavailable):
                raise
            return KeyOutcome(item.key, "failed", item.size, item.version_id, str(error))
        return outcome

    def _file(self, item: ListedVersion, path: Path) -> KeyOutcome:
        stored = self.store.head(item.key, item.version_id)
        if stored is None:
            raise LakeNotFound(f"`{self.store.uri(item.key)}` was deleted after it was listed")
        checksum = stored.metadata.get(SHA256) or stored.metadata.get("sha256")
        if checksum and path.is_file() and path.stat().st_size == stored.size and _digest(path) == checksum:
            self.arrived(stored.size)
            return KeyOutcome(item.key, "same", stored.size, item.version_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
        try:
            self._ranges(stored, item.version_id, part)
            if checksum and _digest(part) != checksum:
                raise LakeUnavailable(f"`{self.store.uri(item.key)}` arrived with a wrong SHA-256. Nothing was kept")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        why = "" if checksum else "has no SHA-256 to compare with"
        return KeyOutcome(item.key, "loaded", stored.size, item.version_id, why)

    def _ranges(self, stored: StoredObject, version_id: str | None, part: Path) -> None:
        """Fetch ranges of one version, or of one ETag without versions. An object that is replaced meanwhile is an error."""
        step = part_bytes(self.store, stored.size)
        with part.open("wb") as file:
            place = file.fileno()

            @_PATIENTLY
            def read(start: int, length: int) -> bytes:
                body = self.store.get_range(stored.key, start, length, version_id, if_match=stored.etag)
                if len(body) != length:
                    raise LakeUnavailable(f"`{self.store.uri(stored.key)}` broke off at byte {start + len(body)}")
                return body

            def fetch(start: int) -> None:
                length = min(step, stored.size - start)
                _write(place, read(start, length), start)
                self.arrived(length)

            starts = range(0, stored.size, step)
            if stored.size <= single_request_bytes(self.store):  # other objects download at the same time
                for start in starts:
                    fetch(start)
            else:
                self.store.map(fetch, starts)


def _write(place: int, body: bytes, start: int) -> None:
    """Write all bytes: a nearly full disk may accept only some of them without an error."""
    view = memoryview(body)
    while view:
        written = os.pwrite(place, view, start)
        view, start = view[written:], start + written


def inside(folder: Path, name: str) -> Path:
    """Return the path of a key's file.

    Raises:
        ConfigError: the name leads out of the folder, or is no valid file name.
    """
    parts = name.split("/")
    if not name or any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise ConfigError(f"the key `{name}` names no file below a folder (`..`, `//`, `\\` or nothing)")
    path = folder.joinpath(*parts)
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"the key `{name}` leads out of `{folder}` through a link")
    return path


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ScratchUnavailable(
            f"`{folder}` cannot be written: {error.strerror}. Complete files stay; partial files were removed. "
            "Free space, then run again. Complete files are not fetched again."
        ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
