"""Object tags for objects written before lake.yml declared them, old versions included."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lakeworks.aws_errors import translated
from lakeworks.contract import Contract
from lakeworks.core.lake_limits import TAGS
from lakeworks.core.layout import QUARANTINE, join, landing_prefix, table_prefixes
from lakeworks.errors import ConfigError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.s3.listed.versions import listed_versions

TagOutcome = Literal["tagged", "same", "full"]


@dataclass(frozen=True)
class TaggedVersion:
    """One version of an object. `full` has so many tags of others that no room is left for the lake's."""

    key: str
    version_id: str
    outcome: TagOutcome


def tag_versions(lake: Lake, contract: Contract, *, dry_run: bool = False) -> Iterator[TaggedVersion]:
    """Give every version of a table's live, landed and quarantined objects the tags that lake.yml asks for.

    Tags of others stay. Objects that have their tags are skipped, so it can be run again after an error.

    Raises:
        ConfigError: lake.yml asks for no tags.
        LakeAccessDenied: the credentials lack s3:GetObjectVersionTagging or s3:PutObjectVersionTagging.
    """
    prefixes = [*table_prefixes(contract.table), f"{join(QUARANTINE, contract.table.path)}/"]
    if contract.source:
        prefixes.append(landing_prefix(contract.table.domain, contract.source, None))
    if not any(lake.store.tags(f"{prefix}x") for prefix in prefixes):
        raise ConfigError(
            f"lake.yml asks for no tags on objects of `{contract.name}`. Nothing was changed. Add to lake.yml: "
            "object_tags: [owner, classification]."
        )
    for prefix in prefixes:
        versions = list(listed_versions(lake.store, prefix))
        for start in range(0, len(versions), 1000):
            yield from lake.store.map(lambda item: _tag(lake, item, dry_run=dry_run), versions[start : start + 1000])


def _tag(lake: Lake, item: Mapping[str, Any], *, dry_run: bool) -> TaggedVersion:
    key, version = str(item["Key"]), str(item["VersionId"])
    place: Any = {
        "Bucket": lake.store.layers.of(key),
        "Key": key,
        **({} if version == "null" else {"VersionId": version}),
    }
    declared, client = lake.store.tags(key), lake.store.client
    try:
        with translated("read the tags of", f"s3://{place['Bucket']}/{key}"):
            current = {tag["Key"]: tag["Value"] for tag in client.get_object_tagging(**place)["TagSet"]}
        if all(current.get(name) == value for name, value in declared.items()):
            return TaggedVersion(key, version, "same")
        merged = {**current, **declared}
        if len(merged) > TAGS:
            return TaggedVersion(key, version, "full")
        if not dry_run:
            tags: Any = [{"Key": name, "Value": value} for name, value in merged.items()]
            with translated("set the tags of", f"s3://{place['Bucket']}/{key}"):
                client.put_object_tagging(**place, Tagging={"TagSet": tags})
    except LakeNotFound:  # deleted meanwhile, by garbage collection or lifecycle
        return TaggedVersion(key, version, "same")
    return TaggedVersion(key, version, "tagged")
