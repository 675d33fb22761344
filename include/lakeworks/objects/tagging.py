"""Tags of existing objects: read, merge and write them back."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.errors import ConfigError, LakeError
from lakeworks.objects.key_range import KeyRange, refuse_lakes_own
from lakeworks.objects.listing import ListedVersion, objects_of
from lakeworks.objects.outcome import KeyOutcome
from lakeworks.s3.object_store import ObjectStore
from lakeworks.s3.requests import version

MOST_TAGS, NAME_CHARACTERS, VALUE_CHARACTERS = 10, 128, 256
_ALLOWED = re.compile(r"[\w\s+\-=.:/@]*")


def parse_tags(pairs: Collection[str]) -> dict[str, str]:
    """Parse `name=value` as a person types it.

    Raises:
        ConfigError: S3 does not accept such a tag.
    """
    tags: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise ConfigError(f"`{pair}` is no tag. Nothing was changed. Write name=value.")
        if name in tags:
            raise ConfigError(f"The tag `{name}` is named twice. Nothing was changed.")
        if len(name) > NAME_CHARACTERS or len(value) > VALUE_CHARACTERS:
            raise ConfigError(
                f"The tag `{name[:40]}` is too long. Nothing was changed. A name has at most {NAME_CHARACTERS} characters, a "
                f"value {VALUE_CHARACTERS}."
            )
        if name.lower().startswith("aws:") or not (_ALLOWED.fullmatch(name) and _ALLOWED.fullmatch(value)):
            raise ConfigError(
                f"S3 takes no tag `{name}={value}`. Nothing was changed. Letters, digits, blanks and + - = . _ : / @ are "
                "allowed, and no name begins with `aws:`."
            )
        tags[name] = value
    return tags


def read_tags(store: ObjectStore, key: str, version_id: str | None = None) -> dict[str, str]:
    """Return an object's tags."""
    with translated("read the tags of", store.uri(key)):
        answer = store.client.get_object_tagging(**store.place(key), **version(version_id))
    return {item["Key"]: item["Value"] for item in answer["TagSet"]}


def tag_objects(
    store: ObjectStore,
    keys: KeyRange,
    new_tags: Mapping[str, str],
    remove: Collection[str] = (),
    *,
    dry_run: bool = False,
) -> Iterator[KeyOutcome]:
    """Add these tags to every object below a prefix, and yield each outcome. Existing tags stay.

    S3 replaces all tags of an object at once: if two people tag one object
    at the same moment, one can undo the other's change.

    Raises:
        ConfigError: the prefix is the lake's own.
    """
    refuse_lakes_own(keys.text, "tagged")

    def tag(item: ListedVersion) -> KeyOutcome:
        try:
            return _tag(store, item, new_tags, remove, dry_run=dry_run)
        except LakeError as error:
            return KeyOutcome(item.key, "failed", item.size, item.version_id, str(error))

    listed = objects_of(store, keys)
    while batch := [item for item, _ in zip(listed, range(1000), strict=False)]:
        yield from store.map(tag, batch)


def _tag(
    store: ObjectStore, item: ListedVersion, new_tags: Mapping[str, str], remove: Collection[str], *, dry_run: bool
) -> KeyOutcome:
    before = read_tags(store, item.key, item.version_id)
    after = {name: value for name, value in {**before, **new_tags}.items() if name not in remove}
    if after == before:
        return KeyOutcome(item.key, "same", item.size, item.version_id)
    if len(after) > MOST_TAGS:
        why = f"would have {len(after)} tags, and S3 takes {MOST_TAGS}: it has {', '.join(sorted(before))}"
        return KeyOutcome(item.key, "failed", item.size, item.version_id, why)
    if dry_run:
        return KeyOutcome(item.key, "would tag", item.size, item.version_id)
    pairs: Any = [{"Key": name, "Value": value} for name, value in after.items()]
    with translated("tag", store.uri(item.key)):
        store.client.put_object_tagging(**store.place(item.key), **version(item.version_id), Tagging={"TagSet": pairs})
    return KeyOutcome(item.key, "tagged", item.size, item.version_id)
