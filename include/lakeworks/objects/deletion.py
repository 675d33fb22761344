"""Deletion of objects below a prefix: 1,000 per request, with one outcome per key."""

from collections.abc import Iterator
from itertools import islice

from lakeworks.aws_errors import translated
from lakeworks.objects.key_range import KeyRange, refuse_lakes_own
from lakeworks.objects.listing import ListedVersion, objects_of, versions_of
from lakeworks.objects.outcome import KeyOutcome
from lakeworks.s3.object_store import ObjectStore

BATCH = 1000


def delete_objects(
    store: ObjectStore, keys: KeyRange, *, versions: bool = False, dry_run: bool = False
) -> Iterator[KeyOutcome]:
    """Delete the objects below a prefix. Yield each key once S3 has answered for it.

    On a versioned bucket the versions stay and can be restored; with `versions` every one is deleted, for good.

    Raises:
        ConfigError: the prefix is the lake's own.
        LakeError: S3 refused a whole request; what was yielded as deleted is deleted.
    """
    refuse_lakes_own(keys.text, "deleted")
    yield from delete_listed(store, keys, versions=versions, dry_run=dry_run)


def delete_listed(
    store: ObjectStore, keys: KeyRange, *, versions: bool = False, dry_run: bool = False
) -> Iterator[KeyOutcome]:
    """Delete objects as `delete_objects` does, the lake's own included."""
    listed = (versions_of if versions else objects_of)(store, keys)
    while batch := list(islice(listed, BATCH)):
        if dry_run:
            yield from (KeyOutcome(item.key, "would delete", item.size, item.version_id) for item in batch)
        else:
            yield from _delete(store, batch, versions=versions)


def _delete(store: ObjectStore, batch: list[ListedVersion], *, versions: bool) -> Iterator[KeyOutcome]:
    named = [
        {"Key": store.at(item.key), **({"VersionId": item.version_id or "null"} if versions else {})} for item in batch
    ]
    with translated("delete", store.uri(batch[0].key)):
        answer = store.client.delete_objects(Bucket=store.bucket, Delete={"Objects": named, "Quiet": False})  # type: ignore[typeddict-item]
    refused = {
        (store.keys.own(str(item.get("Key"))), _version(item.get("VersionId"))): item
        for item in answer.get("Errors", ())
    }
    done = {store.keys.own(str(item.get("Key"))) for item in answer.get("Deleted", ())}
    for item in batch:
        version_id = item.version_id if versions else None
        if error := refused.get((item.key, version_id)) or refused.get((item.key, None)):
            why = f"{error.get('Code', '')} {error.get('Message', '')}".strip()
            yield KeyOutcome(item.key, "failed", item.size, version_id, why)
        elif item.key in done:
            yield KeyOutcome(item.key, "deleted", item.size, version_id)
        else:
            yield KeyOutcome(item.key, "failed", item.size, version_id, "S3 returned no result for it")


def _version(text: str | None) -> str | None:
    return None if text in (None, "", "null") else text
