"""LF-tags: the values that each may have, and their assignment to databases, tables and columns.

A table inherits the tags of its database, and a column those of its table. A value that is assigned overrides an inherited one.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from lakeworks.contract.object_tags import CLASSES
from lakeworks.infrastructure.lake_formation.permissions import settled
from lakeworks.infrastructure.resource import Document, Resource

CLASSIFICATION = "classification"
# Values that one call may add, in AWS's model of CreateLFTag and UpdateLFTag.
_VALUES_OF_A_CALL = 50


@dataclass(frozen=True, kw_only=True)
class LfTag(Resource):
    """A tag of the account; `name` is its key. Values of others stay, because others may have assigned them."""

    kind: ClassVar[str] = "lf-tag"
    service: ClassVar[str] = "lakeformation"
    values: tuple[str, ...]
    sleep: Callable[[float], None] = time.sleep

    def desired(self) -> Document:
        """Return the values."""
        return dict.fromkeys(sorted(self.values), True)

    def read(self, client: Any) -> Document | None:
        """Return the values that it has."""
        return dict.fromkeys(sorted(client.get_lf_tag(TagKey=self.name)["TagValues"]), True)

    def target(self, current: Document) -> Document:
        """Add to what is there."""
        return {**current, **self.desired()}

    def write(self, client: Any, target: Document) -> None:
        """Create the tag, or add values, as many a call as AWS takes."""
        try:
            held = self.read(client)
        except client.exceptions.EntityNotFoundException:
            held = None
        missing = sorted(set(self.values) - set(held or ()))
        calls = [missing[at : at + _VALUES_OF_A_CALL] for at in range(0, len(missing), _VALUES_OF_A_CALL)]
        if held is None:
            settled(client.create_lf_tag, self.sleep, TagKey=self.name, TagValues=calls.pop(0))
        for values in calls:
            settled(client.update_lf_tag, self.sleep, TagKey=self.name, TagValuesToAdd=values)


@dataclass(frozen=True, kw_only=True)
class AssignedTags(Resource):
    """The tags of a database or table. Tags with other keys do not show, and stay."""

    kind: ClassVar[str] = "lf-tags"
    service: ClassVar[str] = "lakeformation"
    tagged: Document
    tags: Mapping[str, str]
    missing_table: str = ""
    sleep: Callable[[float], None] = time.sleep

    def desired(self) -> Document:
        """Return the value of each key."""
        return dict(self.tags)

    def read(self, client: Any) -> Document | None:
        """Return those of the keys that are assigned. A table's answer has the tags of its database too."""
        found = client.get_resource_lf_tags(Resource=self.tagged, ShowAssignedLFTags=True)
        listed = found.get("LFTagOnDatabase" if "Database" in self.tagged else "LFTagsOnTable", [])
        return {one["TagKey"]: one["TagValues"][0] for one in listed if one["TagKey"] in self.tags} or None

    def write(self, client: Any, target: Document) -> None:
        """Assign them, in place of other values of the same keys."""
        settled(_assign, self.sleep, client=client, tagged=self.tagged, tags=self.tags)

    def postponed_reason(self) -> str:
        """Return the table that no run has made yet."""
        return self.missing_table

    def notes(self, current: Document) -> list[str]:
        """Return what a change of a value does to grants on it."""
        return _changes_of_grants(current, self.tags)


@dataclass(frozen=True, kw_only=True)
class ColumnTags(Resource):
    """The classification of each column that the contract and the table in Glue have."""

    kind: ClassVar[str] = "column lf-tags"
    service: ClassVar[str] = "lakeformation"
    table: Document
    classes: Mapping[str, str]
    missing_table: str = ""
    sleep: Callable[[float], None] = time.sleep

    def desired(self) -> Document:
        """Return the classification of each column."""
        return dict(self.classes)

    def read(self, client: Any) -> Document | None:
        """Return the classification that each of them has."""
        found = client.get_resource_lf_tags(Resource=self._columns(self.classes), ShowAssignedLFTags=True)
        return {
            column["Name"]: tag["TagValues"][0]
            for column in found.get("LFTagsOnColumns", [])
            if column["Name"] in self.classes
            for tag in column["LFTags"]
            if tag["TagKey"] == CLASSIFICATION
        } or None

    def write(self, client: Any, target: Document) -> None:
        """Assign one classification a call. The highest goes first, so that a failure in between opens nothing."""
        for name in reversed(CLASSES):
            if columns := [column for column, found in self.classes.items() if found == name]:
                tagged = self._columns(columns)
                settled(_assign, self.sleep, client=client, tagged=tagged, tags={CLASSIFICATION: name})

    def postponed_reason(self) -> str:
        """Return the table that no run has made yet."""
        return self.missing_table

    def notes(self, current: Document) -> list[str]:
        """Return what a change of a column's classification does to grants on it."""
        return _changes_of_grants(current, self.classes)

    def _columns(self, names: Any) -> Document:
        return {"TableWithColumns": {**self.table, "ColumnNames": sorted(names)}}


def _assign(client: Any, tagged: Document, tags: Mapping[str, str]) -> None:
    """Assign tags, and raise what AWS refused: it lists refusals in an answer that is otherwise a success.

    Raises:
        ClientError: the first refusal's code, with the words of all.
    """
    pairs = [{"TagKey": key, "TagValues": [value]} for key, value in tags.items()]
    failures = client.add_lf_tags_to_resource(Resource=tagged, LFTags=pairs).get("Failures")
    if not failures:
        return
    words = [
        f"{one['LFTag']['TagKey']}={','.join(one['LFTag']['TagValues'])}: {one['Error'].get('ErrorMessage', '')}"
        for one in failures
    ]
    error = {"Code": failures[0]["Error"].get("ErrorCode", "Unknown"), "Message": "; ".join(words)}
    raise ClientError({"Error": error}, "AddLFTagsToResource")  # type: ignore[typeddict-item]


def _changes_of_grants(current: Document, desired: Mapping[str, str]) -> list[str]:
    changed = [
        f"{name} ({current[name]} to {value})" for name, value in desired.items() if current.get(name, value) != value
    ]
    if not changed:
        return []
    return [
        f"{', '.join(changed)}: grants on the old value of the LF-tag end here at once, and those on the new value begin"
    ]
