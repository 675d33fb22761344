"""Log of the alerts about a late table and their channels: `metadata/alerts/freshness/<table>.json`.

Whoever tells claims the document first, by a conditional write, and writes down what was told afterwards. So lookers at one
moment tell once, and an alert of one that was killed in between is told by the first that looks once its claim has run out.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lakeworks.core.layout import METADATA, join
from lakeworks.core.names import TableName
from lakeworks.errors import LakeNotFound, LedgerCorrupt, LostRace
from lakeworks.s3.object_store import ObjectStore, Target

Place = Literal["log", "webhook"]
# Much longer than telling takes (one request of ten seconds), and shorter than from one look to the next.
CLAIM_LIFETIME = timedelta(minutes=5)
_KEPT = timedelta(days=366)


class AlertLog(BaseModel):
    """The document: what was told, by name, and when in which place."""

    model_config = ConfigDict(extra="forbid")

    told: dict[str, dict[Place, datetime]] = Field(default_factory=dict)
    claimed_at: datetime | None = Field(None, description="Set while somebody tells.")


@dataclass(frozen=True)
class AlertClaim:
    """The right to tell; `untold` has the names of what is new, by place."""

    store: ObjectStore
    key: str
    etag: str
    remembered: AlertLog
    untold: Mapping[Place, frozenset[str]]

    def settle(self, places: Collection[Place], now: datetime) -> None:
        """Write down where all that is new was told, and let others tell again."""
        told = {name: dict(at) for name, at in self.remembered.told.items() if max(at.values()) > now - _KEPT}
        for place in places:
            for name in self.untold[place]:
                told.setdefault(name, {})[place] = now
        with suppress(LostRace):  # the claim ran out and somebody else told as well: then theirs is the newer document
            _put(self.store, Target(self.key, if_match=self.etag), AlertLog(told=told, claimed_at=None))


def claim(store: ObjectStore, table: str, wanted: Mapping[Place, frozenset[str]], now: datetime) -> AlertClaim | None:
    """Claim the telling of what is not told yet of `wanted`; None where all of it is, or somebody else is telling.

    Raises:
        LedgerCorrupt: the document is not one of ours.
    """
    key = join(METADATA, "alerts", "freshness", f"{TableName.parse(table).path}.json")
    remembered, etag = _read(store, key)
    new = {
        place: frozenset(n for n in names if place not in remembered.told.get(n, {})) for place, names in wanted.items()
    }
    untold = {place: names for place, names in new.items() if names}
    if not untold or (remembered.claimed_at and now < remembered.claimed_at + CLAIM_LIFETIME):
        return None
    target = Target(key, if_match=etag, if_absent=etag is None)
    try:
        taken = _put(store, target, remembered.model_copy(update={"claimed_at": now}))
    except LostRace:
        return None
    return AlertClaim(store, key, taken, remembered, untold)


def _read(store: ObjectStore, key: str) -> tuple[AlertLog, str | None]:
    try:
        body, found = store.get(key)
    except LakeNotFound:
        return AlertLog(claimed_at=None), None
    try:
        return AlertLog.model_validate_json(body), found.etag
    except ValidationError as error:
        raise LedgerCorrupt(
            f"`{store.uri(key)}` does not say which alerts were told: {error.errors()[0]['msg']}. Nothing was told of its "
            "table. Delete the object; what is late is then told once more."
        ) from error


def _put(store: ObjectStore, target: Target, remembered: AlertLog) -> str:
    return store.put(target, remembered.model_dump_json(indent=1).encode()).etag
