"""The shared state of sources in the lake's bucket: `_quota/<source>.json`, changed by conditional writes.

It needs no service: all tasks and processes that can write the lake share it, and it stays after they end.
"""

from dataclasses import dataclass

from lakeworks.core.layout import QUOTA
from lakeworks.errors import LakeNotFound, LostRace
from lakeworks.s3.object_store import ObjectStore, Target


@dataclass(frozen=True)
class LakeState:
    """Implements `lakeworks.sources.http.shared_state.SharedState`."""

    store: ObjectStore

    def read(self, name: str) -> tuple[bytes, str] | None:
        """Return a document and its ETag; None if there is none."""
        try:
            body, item = self.store.get(f"{QUOTA}/{name}")
        except LakeNotFound:
            return None
        return body, item.etag

    def swap(self, name: str, body: bytes, tag: str | None) -> bool:
        """Write a document if no one changed it since it was read."""
        target = Target(f"{QUOTA}/{name}", if_match=tag, if_absent=tag is None)
        try:
            self.store.put(target, body)
        except LostRace:
            return False
        return True
