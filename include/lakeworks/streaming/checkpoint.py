"""A shard's checkpoint and lease: one item in DynamoDB, and the form that it has there."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Window:
    """A micro-batch that is fixed: its records lie after the checkpoint's position, up to `last`.

    Every attempt to land it, of any process, reads exactly these records and makes the same object.
    """

    first: str
    last: str
    records: int
    period: str


@dataclass(frozen=True)
class Totals:
    """Counts of a shard since its first record. `records` are user records; `problems` are among them."""

    records: int = 0
    problems: int = 0
    objects: int = 0
    size: int = 0

    def plus(self, other: "Totals") -> "Totals":
        """Return the sum."""
        return Totals(**{name: value + getattr(other, name) for name, value in asdict(self).items()})


@dataclass(frozen=True)
class Checkpoint:
    """Everything that is known of a shard. `lease` grows with every write: who stops writing loses the shard.

    All records up to `position` have landed. No record that arrived before `closed_through` will land any more.
    """

    stream: str
    shard: str
    parents: tuple[str, ...] = ()
    owner: str = ""
    lease: int = 0
    position: str = ""
    window: Window | None = None
    closed_through: str = ""
    finished: bool = False
    behind_ms: int = 0
    totals: Totals = Totals()

    @property
    def key(self) -> dict[str, Any]:
        """Return its key in the table."""
        return {"stream": {"S": self.stream}, "shard": {"S": self.shard}}

    def item(self) -> dict[str, Any]:
        """Return the item; `state` is one text, so that a write replaces all of it or nothing."""
        state = {
            name: value for name, value in asdict(self).items() if name not in ("stream", "shard", "owner", "lease")
        }
        return {
            **self.key,
            "owner": {"S": self.owner},
            "lease": {"N": str(self.lease)},
            "state": {"S": json.dumps(state, sort_keys=True)},
        }

    @classmethod
    def of(cls, item: dict[str, Any]) -> "Checkpoint":
        """Read an item."""
        state = json.loads(item["state"]["S"])
        window = Window(**state.pop("window")) if state["window"] else None
        state = {name: value for name, value in state.items() if name != "window"}
        return cls(
            stream=item["stream"]["S"],
            shard=item["shard"]["S"],
            owner=item["owner"]["S"],
            lease=int(item["lease"]["N"]),
            window=window,
            parents=tuple(state.pop("parents")),
            totals=Totals(**state.pop("totals")),
            **state,
        )

    def next_write(self, **changes: Any) -> "Checkpoint":
        """Return the checkpoint after one more write."""
        return replace(self, lease=self.lease + 1, **changes)
