"""Three kinds of readers, which look after every step: by plain path, by catalog, by ledger.

Each must see one whole, audited publication, and none that is older than one it saw before. A reader that sees nothing has seen
the latest publication of nothing: a withdrawal, or number 0 where there was none.
"""

import json
from dataclasses import dataclass, field

from lakeworks.core.partition import Partition
from lakeworks.core.placement_stamp import content_hash
from lakeworks.errors import LakeError, ObjectArchived
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.parquet.pinned_file import ObjectCache, PinnedObject
from tests.simulation.stored import Version
from tests.simulation.world import NEWER, World


class Violation(Exception):
    """A reader, or the end of a history, was not as promised."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


@dataclass
class Readers:
    """What the readers of one world have seen."""

    world: World
    seen: dict[tuple[str, Partition], int] = field(default_factory=dict)
    behind: dict[tuple[str, Partition], int] = field(
        default_factory=dict
    )  # what the catalog shows now, where that is older
    lags: set[Partition] = field(default_factory=set)  # partitions whose catalog entry was set back for a while
    reads: int = 0
    _changes: tuple[int, int] = (-1, -1)
    _entries: dict[str, tuple[Version, LedgerEntry]] = field(default_factory=dict)

    def look(self) -> None:
        """Read by every kind, if anything has changed since the last look.

        Raises:
            Violation: a reader saw what it must never see.
        """
        changes = self.world.bucket.changes, self.world.glue.changes
        if changes == self._changes:
            return
        self._changes = changes
        for partition in self.world.partitions:
            for kind, number in self.numbers(partition).items():
                self.reads += 1
                place = kind, partition
                last = self.seen.get(place, 0)
                if number >= last:
                    self.seen[place] = number
                    self.behind.pop(place, None)
                elif kind == "catalog":  # Glue guards no update of a partition: the end of the history decides
                    self.behind[place] = number
                    self.lags.add(partition)
                else:
                    what = f"publication {number}" if number else "nothing"
                    withdrawn = any(entry.seq == last and not entry.objects for entry in self.entries(partition))
                    kept = f"withdrawn rows by {kind}" if withdrawn else f"older by {kind}"
                    raise Violation(kept, f"{partition}: {what} is read, after publication {last}")

    def agree(self, when: str) -> None:
        """All kinds of readers must see the same publication, which the ledger says is live.

        Raises:
            Violation: they do not.
        """
        for partition in self.world.partitions:
            found = self.numbers(partition)
            if len(set(found.values())) > 1:
                shown = ", ".join(f"{number} by {kind}" for kind, number in found.items())
                raise Violation(f"readers disagree {when}", f"{partition}: {shown}")
            self._is_pinned(partition, when)

    def _is_pinned(self, partition: Partition, when: str) -> None:
        entry = self.world.lake.ledger.live(self.world.contract.table, partition)
        for item in entry.objects if entry else ():
            if not any(version.id == item.version_id for version in self.world.bucket.keys.get(item.key, ())):
                raise Violation(f"pin lost {when}", f"{partition}: version {item.version_id} of `{item.key}` is gone")

    def shown(self) -> dict[str, str]:
        """What every kind of reader saw last, for a story."""
        found: dict[str, str] = {}
        for (kind, partition), number in self.seen.items():
            found[f"{partition} by {kind}"] = str(self.behind.get((kind, partition), number))
        return found

    def numbers(self, partition: Partition) -> dict[str, int]:
        """The publication each kind of reader sees."""
        entries = self.entries(partition)
        nothing = max((entry.seq for entry in entries if not entry.objects), default=0)
        found = {"ledger": self._by_ledger(partition, nothing)}
        if self.world.layout == "plain":
            found["plain"] = self._by_path(partition, entries, nothing)
        found["catalog"] = self._by_catalog(partition, entries, nothing)
        return found

    def entries(self, partition: Partition) -> list[LedgerEntry]:
        """All entries of the ledger, parsed once."""
        found = []
        for key in self.world.bucket.below(self.world.ledger_folders[partition]):
            version = self.world.bucket.keys[key][-1]
            known = self._entries.get(key)
            if known is None or known[0] is not version:
                document = json.loads(version.body)
                document.pop(NEWER, None)
                known = self._entries[key] = version, LedgerEntry.model_validate(document)
            found.append(known[1])
        return found

    def _by_path(self, partition: Partition, entries: list[LedgerEntry], nothing: int) -> int:
        keys = self.world.bucket.below(self.world.live_folders[partition])
        if not keys:
            return nothing
        if len(keys) > 1:
            raise Violation("torn by plain", f"{partition}: {len(keys)} objects lie in the folder")
        version = self.world.bucket.keys[keys[0]][-1]
        number = int(version.metadata.get("lakeworks-seq", 0))
        digest = self._audited("plain", partition, version)
        if not any(entry.seq == number and digest in {item.sha256 for item in entry.objects} for entry in entries):
            raise Violation(
                "unknown by plain", f"{partition}: publication {number} with {self._label(digest)} is in no ledger"
            )
        return number

    def _by_catalog(self, partition: Partition, entries: list[LedgerEntry], nothing: int) -> int:
        table = self.world.contract.table
        held = self.world.glue.partitions.get((table.database, table.table), {})
        found = held.get(tuple(str(value) for value in partition.values))
        if found is None:
            return nothing
        location = found["StorageDescriptor"]["Location"].removeprefix("s3://lake/")
        keys = self.world.bucket.below(location)
        if not keys and nothing > max((entry.seq for entry in entries if entry.is_live and entry.objects), default=-1):
            return nothing  # no rows, as the withdrawal says
        if self.world.layout == "plain" and keys:
            return self._by_path(partition, entries, nothing)
        digests = {self._audited("catalog", partition, self.world.bucket.keys[key][-1]) for key in keys}
        named = [entry for entry in entries if entry.location == location and entry.objects]
        if not keys:
            raise Violation("empty by catalog", f"{partition}: the catalog names `{location}`, where no object is")
        if not named or digests != {item.sha256 for item in named[-1].objects}:
            raise Violation(
                "torn by catalog", f"{partition}: `{location}` holds {len(keys)} objects of no whole publication"
            )
        return max(entry.live_seq for entry in named)

    def _by_ledger(self, partition: Partition, nothing: int) -> int:
        lake, entry = self.world.lake, None
        try:
            entry = lake.ledger.live(self.world.contract.table, partition)
            if entry is None:
                return nothing
            for item in entry.objects:
                body = PinnedObject(lake.store, item, ObjectCache()).read()
                if content_hash(body) != item.sha256:
                    raise Violation(
                        "torn by ledger", f"{partition}: `{item.key}` is not what publication {entry.seq} names"
                    )
                if not self.world.contents[item.sha256].audited:
                    raise Violation("unaudited by ledger", f"{partition}: {self._label(item.sha256)}")
        except LakeError as error:
            if not (isinstance(error, ObjectArchived) and self.world.is_archived):
                raise Violation(f"lost by ledger ({type(error).__name__})", f"{partition}: {error}") from error
        return entry.live_seq if entry else nothing

    def _audited(self, kind: str, partition: Partition, version: Version) -> str:
        digest = content_hash(version.body)
        content = self.world.contents.get(digest)
        if content is None or not content.audited:
            raise Violation(f"unaudited by {kind}", f"{partition}: {self._label(digest)}")
        return digest

    def _label(self, digest: str) -> str:
        content = self.world.contents.get(digest)
        return content.label if content else "bytes that no run staged"
