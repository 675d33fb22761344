"""Requests of multipart uploads, and uploads that several processes share and only one can complete."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from lakeworks.aws_errors import error_code
from lakeworks.errors import LostRace, UploadGone
from lakeworks.s3.object_store import ObjectStore, StoredObject, Target
from lakeworks.s3.requests import conditional, media_type, sha256_base64, version_id_of
from lakeworks.s3.tag_header import tagging

P = TypeVar("P")


def started(store: ObjectStore, target: Target, checksum: dict[str, Any]) -> Any:
    """Begin an upload and return S3's response."""
    store.keys.refuse_write(target.key)
    described = {"Metadata": dict(target.metadata), "ContentType": media_type(target.key), **checksum}
    described |= tagging(store.tags(target.key))
    return store.client.create_multipart_upload(**store.place(target.key), **described)


def send_bytes(store: ObjectStore, place: dict[str, Any], number: int, chunk: bytes) -> dict[str, Any]:
    """Send bytes as a part. S3 checks their SHA-256 on arrival."""
    digest = sha256_base64(chunk)
    answer = store.client.upload_part(**place, PartNumber=number, Body=chunk, ChecksumSHA256=digest)
    return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": digest}


def send_all(threads: int, parts: Iterable[P], send: Callable[[int, P], dict[str, Any]]) -> list[Any]:
    """Send parts, at most `threads` at once, to bound memory."""
    done: list[dict[str, Any]] = []
    flying: set[Future[dict[str, Any]]] = set()
    with ThreadPoolExecutor(threads) as pool:
        for number, part in enumerate(parts, 1):
            if len(flying) >= threads:
                finished, flying = wait(flying, return_when=FIRST_COMPLETED)
                done += [future.result() for future in finished]
            flying.add(pool.submit(send, number, part))
        done += [future.result() for future in flying]
    return sorted(done, key=lambda part: part["PartNumber"])


def complete_from_parts(
    store: ObjectStore, target: Target, upload: str, size: int, send: Callable[[dict[str, Any]], list[Any]]
) -> StoredObject:
    """Send parts into a shared upload, and complete it on the target's condition."""
    place = {**store.place(target.key), "UploadId": upload}
    with conditional(store.uri(target.key)), _of_upload(store.uri(target.key)):
        complete: Any = store.client.complete_multipart_upload
        answer = complete(**place, MultipartUpload={"Parts": send(place)}, **target.conditions)
    return StoredObject(target.key, size, answer["ETag"], version_id_of(answer), target.metadata)


def end_upload(store: ObjectStore, key: str, upload: str) -> None:
    """Abort an upload, so that no request under way can complete it. An upload that is over stays over."""
    with suppress(UploadGone), conditional(store.uri(key), "end an upload of"), _of_upload(store.uri(key)):
        store.client.abort_multipart_upload(**store.place(key), UploadId=upload)


@contextmanager
def _of_upload(where: str) -> Iterator[None]:
    """Translate errors of an upload that other processes may complete, end, or send the same parts to."""
    try:
        yield
    except ClientError as error:
        if error_code(error) == "NoSuchUpload":
            raise UploadGone(f"`{where}`: another process ended its upload. Nothing was written.") from error
        if error_code(error) == "InvalidPart":  # another process sent the part once more
            raise LostRace(f"`{where}` is being written by another process. Nothing was written.") from error
        raise
