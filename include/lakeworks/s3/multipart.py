"""Multipart uploads and server-side copies, completed on a condition and aborted on failure."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from lakeworks.aws_errors import error_code
from lakeworks.core.placement_stamp import content_hash, stamped
from lakeworks.errors import FileChanged, LakeNotFound, LostRace, SourceGone, StagedChanged
from lakeworks.s3.object_store import SHA256, ObjectStore, StoredObject, Target
from lakeworks.s3.requests import conditional, version, version_id_of
from lakeworks.s3.upload_parts import complete_from_parts, send_all, send_bytes, started

P = TypeVar("P")
# Up to this size one request is enough; it also bounds the memory of a transfer.
SINGLE_REQUEST_BYTES = 32 << 20
# S3 takes at most 10,000 parts of 5 MiB to 5 GiB.
_PART_BYTES = 16 << 20
_MAX_PARTS = 10_000
_TAIL_BYTES = 1 << 20


def upload_file(
    store: ObjectStore,
    path: Path,
    target: Target,
    *,
    sha256: str | None = None,
    sent: Callable[[int], None] | None = None,
) -> StoredObject:
    """Upload a local file of any size; S3 checks the SHA-256 of every part on arrival.

    `sha256` is the digest (hex) that the caller computed. `sent` is called with the bytes of each part that arrived.

    Raises:
        LostRace: the target's condition does not hold; nothing was written.
        FileChanged: the file has another digest by now; nothing was written.
    """
    size = path.stat().st_size
    if size <= single_request_bytes(store):
        body = path.read_bytes()
        _refuse_other(path, hashlib.sha256(body), sha256)
        put = store.put(target, body)
        if sent:
            sent(size)
        return put
    step, digest = part_bytes(store, size), hashlib.sha256()

    def parts() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(step):
                if sha256:
                    digest.update(chunk)
                yield chunk
        _refuse_other(path, digest, sha256)  # before the upload is completed

    def send(place: dict[str, Any], number: int, chunk: bytes) -> dict[str, Any]:
        part = send_bytes(store, place, number, chunk)
        if sent:
            sent(len(chunk))
        return part

    return _multipart(store, target, size, parts(), send)


def _refuse_other(path: Path, actual: Any, expected: str | None) -> None:
    if expected is not None and actual.hexdigest() != expected:
        raise FileChanged(
            f"`{path}` changed while it was read. It was not stored; nothing was published. Wait until the program that writes "
            "it has ended, then run again."
        )


def open_upload(store: ObjectStore, target: Target, size: int) -> str:
    """Begin an upload for an object of a given size, and return its id. Any process may complete it, but only one can."""
    checksum: dict[str, Any] = {"ChecksumAlgorithm": "SHA256"} if size <= single_request_bytes(store) else {}
    with conditional(store.uri(target.key)):
        return str(started(store, target, checksum)["UploadId"])


def copy_object(
    store: ObjectStore, source: StoredObject, target: Target, stamp: str, upload: str | None = None
) -> StoredObject:
    """Copy the source's content to the target with another stamp, in one atomic step. Large objects are copied inside S3.

    `upload` (from `open_upload`) is used if given; after a failure it stays open for other processes.

    With a SHA-256 among the source's metadata, it must be that of its content. Copies inside S3 see only the last bytes: there
    the object's size and the digest it was written with are compared, and every part must come from the same ETag.

    Raises:
        LostRace: the target's condition does not hold; nothing was written.
        UploadGone: the upload was completed or ended by another process.
        SourceGone: the source is gone.
        StagedChanged: the source is not the expected object; nothing was written.
    """
    checksum = source.metadata.get(SHA256)
    if source.size <= single_request_bytes(store):
        body = _body(store, source)
        _refuse_changed(store, source, checksum in (None, content_hash(body)))
        if upload is None:
            return store.put(target, stamped(body, stamp))
        return complete_from_parts(
            store, target, upload, source.size, lambda place: [send_bytes(store, place, 1, stamped(body, stamp))]
        )
    stored = store.head(source.key, source.version_id)
    if stored is None:
        raise SourceGone(f"`{store.uri(source.key)}` is gone. Nothing was written.")
    same = stored.size == source.size and checksum in (None, stored.metadata.get(SHA256))
    _refuse_changed(store, source, same)
    with _source_gone():  # another process may finish what it is for, and clear staging, between two parts
        return _copy_in_parts(store, source, stored.etag, target, stamp, upload)


def _copy_in_parts(
    store: ObjectStore, source: StoredObject, etag: str, target: Target, stamp: str, upload: str | None
) -> StoredObject:
    """Copy all but the end inside S3. The end passes through this process, because it has the footer with the stamp."""
    step, of_version = part_bytes(store, source.size), version(source.version_id)
    origin: Any = {**store.place(source.key), **of_version}
    # A short rest joins the part before it: the stamp is in the last bytes, after the statistics.
    starts = range(0, max(source.size - min(_TAIL_BYTES, step // 4), 1), step)

    def send(place: dict[str, Any], number: int, start: int) -> dict[str, Any]:
        if start != starts[-1]:
            answer = store.client.upload_part_copy(
                **place,
                PartNumber=number,
                CopySource=origin,
                CopySourceRange=f"bytes={start}-{start + step - 1}",
                CopySourceIfMatch=etag,
            )
            return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}
        end = store.get_range(source.key, start, source.size - start, source.version_id, if_match=etag)
        sent = store.client.upload_part(**place, PartNumber=number, Body=stamped(end, stamp))
        return {"PartNumber": number, "ETag": sent["ETag"]}

    if upload is not None:
        threads = _together(store, source.size)
        return complete_from_parts(
            store, target, upload, source.size,
            lambda place: send_all(threads, starts, lambda number, part: send(place, number, part)),
        )  # fmt: skip
    return _multipart(store, target, source.size, starts, send)


def _body(store: ObjectStore, source: StoredObject) -> bytes:
    with _source_gone():
        return store.get(source.key, source.version_id)[0]


@contextmanager
def _source_gone() -> Iterator[None]:
    """Name a missing source as what it is. A missing bucket is another error: nothing is given up for a wrong name."""
    try:
        yield
    except SourceGone:
        raise
    except LakeNotFound as error:
        if error_code(error) == "NoSuchBucket":
            raise
        raise SourceGone(f"{str(error).rstrip('.')}. Nothing was written.") from error


def _refuse_changed(store: ObjectStore, source: StoredObject, same: bool) -> None:
    if not same:
        raise StagedChanged(
            f"`{store.uri(source.key)}` is no longer the object that was written and audited: another program "
            "changed it. Nothing was published; live data is unchanged. Run the partition again from its write "
            "step."
        )


def _multipart(
    store: ObjectStore,
    target: Target,
    size: int,
    parts: Iterable[P],
    send: Callable[[dict[str, Any], int, P], dict[str, Any]],
) -> StoredObject:
    """Send the parts and complete on the target's condition. Abort after any failure, so that no parts stay and cost money."""
    with conditional(store.uri(target.key)):
        place: dict[str, Any] = store.place(target.key)
        # Parts copied inside S3 carry no checksum of ours to compare with.
        checksum: dict[str, Any] = {} if isinstance(parts, range) else {"ChecksumAlgorithm": "SHA256"}
        place["UploadId"] = started(store, target, checksum)["UploadId"]
        try:
            sent = send_all(_together(store, size), parts, lambda number, part: send(place, number, part))
            return _completed(store, place, target, size, sent)
        except BaseException:
            with suppress(ClientError, BotoCoreError, ResponseParserError):  # what matters is why it is aborted
                store.client.abort_multipart_upload(**place)
            raise


def _completed(store: ObjectStore, place: dict[str, Any], target: Target, size: int, sent: list[Any]) -> StoredObject:
    """Complete an upload on its target's condition, even if S3's response is lost."""
    try:
        answer = store.client.complete_multipart_upload(**place, MultipartUpload={"Parts": sent}, **target.conditions)
    except ClientError as error:
        if error_code(error) != "NoSuchUpload":
            raise
        return _completed_before(store, target, size)
    return StoredObject(target.key, size, answer["ETag"], version_id_of(answer), target.metadata)


def _completed_before(store: ObjectStore, target: Target, size: int) -> StoredObject:
    """Return the object of a completion whose response was lost: boto3 repeated it after the upload was gone.

    Raises:
        LostRace: the target holds something else: another process aborted the upload.
    """
    stored = store.head(target.key)
    if stored is None or stored.size != size or dict(stored.metadata) != dict(target.metadata):
        raise LostRace(f"`{store.uri(target.key)}`: another process ended its upload. Nothing was written.")
    return stored


def single_request_bytes(store: ObjectStore) -> int:
    """Return the size up to which one request is enough."""
    return store.transfer.single_request_bytes if store.transfer else SINGLE_REQUEST_BYTES


def part_bytes(store: ObjectStore, size: int) -> int:
    """Return an object's part size: the transfer profile's, or larger to keep the number of parts that S3 allows."""
    return max(_usual_part(store), -(-size // _MAX_PARTS))


def _usual_part(store: ObjectStore) -> int:
    return store.transfer.part_bytes if store.transfer else _PART_BYTES


def _together(store: ObjectStore, size: int) -> int:
    """Return the number of parts in parallel. Larger parts go one after another, to stay within the profile's memory."""
    return max(1, store.threads * _usual_part(store) // part_bytes(store, size))
