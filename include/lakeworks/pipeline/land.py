"""Landing: a source's raw bytes, as received, written once; everything later can be rebuilt from them without the network."""

import hashlib
import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lakeworks.contract import Contract
from lakeworks.errors import ContractError, LakeNotFound, LostRace
from lakeworks.layout import landing_prefix
from lakeworks.partition import Partition, Period
from lakeworks.pipeline.lake import Lake
from lakeworks.pipeline.landing_set import SET, Fetches, LandingSet, finish
from lakeworks.sources import Download, NotModified, RequestSource, Source, Wanted
from lakeworks.storage.manifest import Run
from lakeworks.storage.multipart import upload_file
from lakeworks.storage.objects import StoredObject, Target

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Landed:
    """A landing object and whether this call brought it."""

    item: StoredObject
    is_new: bool

    @property
    def key(self) -> str:
        """Where it lies."""
        return self.item.key

    @property
    def etag(self) -> str | None:
        """The source's ETag."""
        return self.item.metadata.get("source-etag")

    @property
    def fetched_at(self) -> datetime:
        """When it was fetched; UTC, naive as the lake stores timestamps."""
        return datetime.fromisoformat(self.item.metadata["fetched-at"]).replace(tzinfo=None)

    @property
    def constants(self) -> dict[str, Any]:
        """What bronze says about where a row comes from: facts of the landing object, so that a re-run repeats them."""
        return {
            "_ingested_at": self.fetched_at,
            "_source_url": self.item.metadata["source-url"],
            "_source_etag": self.etag,
            "_run_id": self.item.metadata["run-id"],
        }


def land(
    lake: Lake, contract: Contract, period: Period, run: Run, source: Source | RequestSource
) -> Landed | LandingSet:
    """Fetch a table's file for a period, or every answer of its requests, and land them.

    Raises:
        NotPublishedYet, SourceUnavailable, SourceRejected, MalformedSource: see `Source.fetch`; no file was landed.
        QuotaExhausted: the vendor takes no more requests for now; what was landed is not asked for again.
    """
    if isinstance(source, RequestSource):
        return land_requests(lake, contract, period, run, source)
    return land_file(lake, contract, period, run, source)


def land_requests(lake: Lake, contract: Contract, period: Period, run: Run, source: RequestSource) -> LandingSet:
    """Land the answers of every request of a period; goes on where an earlier attempt stopped, asks nothing twice."""
    fetches = Fetches.below(lake, prefix(contract, period))
    since = fetched_until(lake, contract, period) if contract.landing == "all" else None
    wanted = Wanted(dataset(contract), period, contract.source_options, since)
    asked = _question(wanted, source)
    before, own = fetches.newest(), fetches.of(run, asked)
    if own in fetches.complete:  # a run over many periods that was deferred starts from its first period again
        log.info("landed %s %s: complete already in this run (%s)", contract.name, period, own)
        return fetches.read(str(own))
    folder = fetches.open(run, asked, datetime.now(UTC))
    started = time.monotonic()
    facts = source.collect(wanted, folder)
    figures = {
        "requests": len(folder.taken),
        "resumed": folder.resumed,
        "seconds": round(time.monotonic() - started, 3),
    }
    about = {
        "source": contract.source,
        "period": str(period),
        "facts": facts,
        "figures": {**figures, **figures_of(source)},
    }
    made = finish(folder, before, about)
    log.info(
        "landed %s %s: %d answers, %d bytes%s; %s", contract.name, period, len(made.answers),
        sum(item.size for item in made.answers), " (as before)" if made.same_as else "", made.figures,
    )  # fmt: skip
    return made


def _question(wanted: Wanted, source: RequestSource) -> str:
    """What the answers depend on: all that is wanted, and the client's variant (such as the plan of the key)."""
    variant = getattr(source, "variant", "")
    told = [wanted.dataset, str(wanted.period), dict(wanted.options), variant, wanted.since]
    return json.dumps(told, sort_keys=True, default=str)


def fetched_until(lake: Lake, contract: Contract, period: Period) -> datetime | None:
    """The end of the latest earlier period of a source with a complete fetch; None where there is none."""
    below, own = landing_prefix(contract.table.domain, _source(contract), None), prefix(contract, period)
    found = None
    for item in lake.store.scan(below):  # in the order of time
        if item.key >= own:
            break
        if item.key.endswith(f"/{SET}"):
            earlier = Partition.parse(item.key.removeprefix(below).partition("/fetch=")[0]).period
            found = earlier.end if earlier else found
    return found


def figures_of(source: object) -> dict[str, float]:
    """What a client counted while it asked: attempts, retries, bytes, seconds."""
    http = getattr(source, "http", None)
    return {f"http_{name}": value for name, value in http.metrics.rounded().items()} if http else {}


def land_file(lake: Lake, contract: Contract, period: Period, run: Run, source: Source) -> Landed:
    """Land a table's file, unless landing already has what the source serves."""
    known = newest(lake, contract, period)
    with TemporaryDirectory(dir=lake.scratch) as folder:
        found = source.fetch(dataset(contract), period, known_etag=known.etag if known else None, scratch=Path(folder))
        if isinstance(found, NotModified):
            assert known is not None  # noqa: S101 - only a known ETag can be unmodified
            log.info("landed %s %s: unchanged at the source (%s)", contract.name, period, found.etag)
            return known
        landed = _store(lake, contract, period, run, found)
    log.info("landed %s %s: %s (%s bytes)", contract.name, period, landed.item.key, landed.item.size)
    return landed


def newest(lake: Lake, contract: Contract, period: Period) -> Landed | None:
    """The landing object fetched last; None where there is none."""
    keys = [item.key for item in lake.store.scan(prefix(contract, period))]
    found = [Landed(item, is_new=False) for item in lake.store.map(lake.store.head, keys) if item]
    return max(found, key=lambda landed: (landed.fetched_at, landed.item.key), default=None)


def newest_or_fail(lake: Lake, contract: Contract, period: Period) -> Landed:
    """The landing object fetched last.

    Raises:
        LakeNotFound: the period was never landed.
    """
    found = newest(lake, contract, period)
    if found is None:
        raise LakeNotFound(
            f"`{contract.name}` {period}: nothing was landed under `{lake.store.uri(prefix(contract, period))}`. "
            "Nothing was staged. Run the fetch step first."
        )
    return found


def prefix(contract: Contract, period: Period) -> str:
    """Where the raw files of a table's period lie; a table without partitions has one series of files."""
    return landing_prefix(contract.table.domain, _source(contract), period if contract.partition_by else None)


def _store(lake: Lake, contract: Contract, period: Period, run: Run, found: Download) -> Landed:
    name = hashlib.sha256(f"{found.etag}{found.sha256}".encode()).hexdigest()[:16]
    facts = {
        "source-url": found.url,
        "source-etag": found.etag,
        "source-last-modified": found.last_modified,
        "sha256": found.sha256,
        "size": str(found.size),
        "fetched-at": found.fetched_at.isoformat(),
        "run-id": run.id,
    }
    metadata = {key: value for key, value in facts.items() if value is not None}
    key = f"{prefix(contract, period)}{name}{found.path.suffix}"
    with suppress(LostRace):  # another task landed the same bytes first: that object stands
        return Landed(upload_file(lake.store, found.path, Target(key, metadata, if_absent=True)), is_new=True)
    existing = lake.store.head(key)
    assert existing is not None  # noqa: S101 - the condition failed because it exists
    return Landed(existing, is_new=False)


def _source(contract: Contract) -> str:
    if contract.source is None:
        raise ContractError(
            f"`{contract.name}` has no `source`: it is built from other tables, there is nothing to land."
        )
    return contract.source


def dataset(contract: Contract) -> str:
    """The vendor's data set: what follows the dot in the contract's source."""
    return _source(contract).partition(".")[2]
