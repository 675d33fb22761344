"""Targets of a file: a path or an S3 address. A file gets its name when it is whole, and replaces another only on request."""

import errno
import fcntl
import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lakeworks.core.layout import is_written_by_lake
from lakeworks.core.scratch import scratch_folder
from lakeworks.errors import ConfigError, LostRace, ScratchUnavailable
from lakeworks.lake import Lake
from lakeworks.s3.multipart import upload_file
from lakeworks.s3.object_store import SHA256, ObjectStore, Target

_ADDRESS = re.compile(r"s3://([^/]+)/(.+)")
_KEPT = "Nothing was written."


@dataclass
class Counted:
    """A stream that counts the bytes written and computes their digest. Its target cannot seek."""

    file: BinaryIO
    bytes: int = 0
    closed: bool = False

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, body: Any) -> int:
        """Write bytes."""
        self.digest.update(body)
        self.bytes += len(body)
        self.file.write(body)
        return len(body)

    def tell(self) -> int:
        """Return the bytes so far."""
        return self.bytes

    def flush(self) -> None:
        """Flush the file."""
        self.file.flush()

    def close(self) -> None:
        """Leave the file open: its owner closes it."""

    def seekable(self) -> bool:
        """Return False."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True


@contextmanager
def opened_target(lake: Lake, target: str, *, overwrite: bool = False) -> Iterator[Counted]:
    """Yield a stream whose content becomes the target at the end. After an error, no part of it remains.

    Raises:
        ConfigError: the target exists, or lies where it must not.
        LostRace: another process created it meanwhile.
    """
    if target.startswith("s3://"):
        with _object(lake, target, overwrite=overwrite) as stream:
            yield stream
    else:
        with _file(Path(target), overwrite=overwrite) as stream:
            yield stream


@contextmanager
def _file(path: Path, *, overwrite: bool) -> Iterator[Counted]:
    if path.is_dir():
        raise ConfigError(f"`{path}` is a folder. {_KEPT} Name a file.")
    _refuse_existing(os.path.lexists(path) and not overwrite, str(path))
    _remove_abandoned(path)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # other exports see the lock and keep the part
            stream = Counted(file)
            yield stream
            file.flush()
            os.fsync(file.fileno())
            _name(part, path, overwrite=overwrite)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ScratchUnavailable(f"`{path.parent}` is full. {_KEPT} Free space, or name another folder.") from error
        if error.filename is None or Path(error.filename) != part:
            raise
        raise ConfigError(f"`{path}` cannot be written: {error.strerror}. {_KEPT} Name another place.") from error
    finally:
        part.unlink(missing_ok=True)


def _name(part: Path, path: Path, *, overwrite: bool) -> None:
    """Give the complete file its name in one step. A link, unlike a rename, replaces no file."""
    if overwrite:
        part.replace(path)
        return
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise LostRace(
            f"`{path}` was written by another program meanwhile. {_KEPT} Add --overwrite to replace it."
        ) from error


def _remove_abandoned(path: Path) -> None:
    """Remove the parts of killed exports of the same file."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        with suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


@contextmanager
def _object(lake: Lake, address: str, *, overwrite: bool) -> Iterator[Counted]:
    match = _ADDRESS.fullmatch(address)
    if not match or match[2].endswith("/"):
        raise ConfigError(f"`{address}` names no object. {_KEPT} Write s3://bucket/folder/file.csv")
    bucket, key = match[1], match[2]
    if bucket in {lake.store.bucket, *lake.store.layers.by_layer.values()} and is_written_by_lake(key):
        raise ConfigError(
            f"`{address}` lies among the lake's own objects. {_KEPT} Another prefix is free, such as exports/."
        )
    store = ObjectStore(lake.store.client, bucket, lake.store.threads)
    _refuse_existing(not overwrite and store.head(key) is not None, address)
    with scratch_folder(lake.scratch) as folder, (folder / "export").open("wb") as file:
        stream = Counted(file)
        yield stream
        file.flush()
        target = Target(key, {SHA256: stream.digest.hexdigest()}, if_absent=not overwrite)
        upload_file(store, folder / "export", target)


def _refuse_existing(exists: bool, target: str) -> None:
    if exists:
        raise ConfigError(f"`{target}` exists. {_KEPT} Name another, or add --overwrite.")
