"""Landed files: a source's raw bytes, written once. Each file names the one that it replaces.

Which file is the newest follows from that chain, not from anybody's clock.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakeworks.contract import Contract
from lakeworks.core.layout import landing_prefix
from lakeworks.core.partition import Period
from lakeworks.errors import ContractError, LakeNotFound, LostRace, MalformedSource
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.s3.multipart import upload_file
from lakeworks.s3.object_store import StoredObject, Target
from lakeworks.sources import Download

_FACTS = ("fetched-at", "source-url", "run-id", "sha256")
_REPLACES = "replaces"


@dataclass(frozen=True)
class Landed:
    """A landing object and whether this call brought it."""

    item: StoredObject
    is_new: bool

    @property
    def key(self) -> str:
        """Return its address."""
        return self.item.key

    @property
    def etag(self) -> str | None:
        """The source's ETag."""
        return self.item.metadata.get("source-etag")

    @property
    def fetched_at(self) -> datetime:
        """Return the time of the fetch; UTC, naive as the lake stores timestamps."""
        return datetime.fromisoformat(self.item.metadata["fetched-at"]).replace(tzinfo=None)

    @property
    def constants(self) -> dict[str, Any]:
        """Return the lineage columns of bronze: facts of the landing object, so that a re-run repeats them."""
        return {
            "_ingested_at": self.fetched_at,
            "_source_url": self.item.metadata["source-url"],
            "_source_etag": self.etag,
            "_run_id": self.item.metadata["run-id"],
        }


def newest(lake: Lake, contract: Contract, period: Period) -> Landed | None:
    """Return the file landed last; None if there is none.

    Raises:
        MalformedSource: something else lies in landing.
    """
    listed = {item.key: item.modified for item in lake.store.scan(prefix(contract, period))}
    candidates = [Landed(item, is_new=False) for item in lake.store.map(lake.store.head, listed) if item]
    for landed in candidates:
        if missing := [name for name in _FACTS if name not in landed.item.metadata]:
            raise MalformedSource(
                f"`{lake.store.uri(landed.key)}` lacks {', '.join(missing)} in its metadata: another program wrote "
                "it. Nothing was staged. Move it out of landing. Put files for lakeworks into the inbox."
            )
    replaced = {landed.item.metadata.get(_REPLACES) for landed in candidates}
    last = [landed for landed in candidates if landed.key not in replaced]
    # Two files were landed at the same time: S3's clock decides, then the fetch's.
    epoch = datetime.min.replace(tzinfo=UTC)
    return max(last, key=lambda item: (listed[item.key] or epoch, item.fetched_at, item.key), default=None)


def newest_or_fail(lake: Lake, contract: Contract, period: Period) -> Landed:
    """Return the file landed last.

    Raises:
        LakeNotFound: the period was never landed.
    """
    landed = newest(lake, contract, period)
    if landed is None:
        raise LakeNotFound(
            f"`{contract.name}` {period}: nothing was landed under `{lake.store.uri(prefix(contract, period))}`. "
            "Nothing was staged. Run the fetch step first."
        )
    return landed


def store(lake: Lake, contract: Contract, period: Period, run: Run, download: Download, known: Landed | None) -> Landed:
    """Land a file that replaces the newest known one. The same bytes are landed once, unless other bytes came in between."""
    name = hashlib.sha256(f"{download.etag}{download.sha256}".encode()).hexdigest()[:16]
    facts = {
        "source-url": download.url,
        "source-etag": download.etag,
        "source-last-modified": download.last_modified,
        "sha256": download.sha256,
        "size": str(download.size),
        "fetched-at": download.fetched_at.isoformat(),
        "run-id": run.id,
        _REPLACES: known.key if known else None,
    }
    metadata = {key: value for key, value in facts.items() if value is not None}
    first = f"{prefix(contract, period)}{name}{download.path.suffix}"
    if known is not None and known.key == first:
        return known
    again = f"{prefix(contract, period)}{name}-{hashlib.sha256(run.key.encode()).hexdigest()[:8]}{download.path.suffix}"
    # The source serves an earlier file again: land it a second time, as the newest.
    for key in (first, again):
        with suppress(LostRace):
            return Landed(upload_file(lake.store, download.path, Target(key, metadata, if_absent=True)), is_new=True)
        existing = lake.store.head(key)
        if existing is not None and (known is None or existing.metadata.get(_REPLACES) == known.key):
            return Landed(existing, is_new=False)  # another task landed the same bytes first: that object stays
    assert existing is not None  # noqa: S101 - the condition failed because it exists
    return Landed(existing, is_new=False)


def prefix(contract: Contract, period: Period) -> str:
    """Return the prefix of the raw files of a table's period; a table without partitions has one series of files."""
    return landing_prefix(contract.table.domain, source_of(contract), period if contract.partition_by else None)


def source_of(contract: Contract) -> str:
    """Return the contract's source, `<vendor>.<data set>`.

    Raises:
        ContractError: it has none.
    """
    if contract.source is None:
        raise ContractError(
            f"`{contract.name}` has no `source`: it is built from other tables. Nothing was landed. Run its write step."
        )
    return contract.source


def dataset(contract: Contract) -> str:
    """Return the vendor's data set: the part after the dot in the contract's source."""
    return source_of(contract).partition(".")[2]
