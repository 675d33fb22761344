"""Two regions in memory: a lake in each, and an S3 replication between them that keeps no order and may stop anywhere."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import Contract
from lakeworks.core.layout import live_prefix
from lakeworks.core.partition import Partition, Period
from lakeworks.core.placement_stamp import content_hash
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.failover.region_takeover import RegionTakeover
from lakeworks.infrastructure.resources.replication import KEPT, REFUSAL_SID
from lakeworks.lake import Lake
from lakeworks.ledger.epoch import EpochDocument, EpochRegister
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord, StagedObject, StagedPartition
from lakeworks.pipeline.publish_step import publish
from lakeworks.s3.object_store import SHA256, ObjectStore, Target
from tests.simulation.bucket import Bucket
from tests.simulation.clock import START, Clock
from tests.simulation.glue import Glue
from tests.simulation.stored import Version, failure
from tests.simulation.world import contract, parquet

DAYS = tuple(Period.parse(f"2026-01-0{day}") for day in (1, 2, 3))
PARTITIONS = tuple(Partition.of_period(day) for day in DAYS)
MONTH = Period.parse("2026-01")


class Killed(BaseException):
    """Stands for SIGKILL, or for a region that is gone: nothing of ours may catch it."""


class RegionBucket(Bucket):
    """A bucket with a policy, which knows the versions that replication brought."""

    def __init__(self, clock: Clock, first: int) -> None:
        super().__init__(clock)
        self._number = first  # version ids are unique among all buckets
        self.policy: str | None = None
        self.replicas: set[str] = set()

    def get_bucket_policy(self, **_: Any) -> dict[str, Any]:
        """Answer with the policy."""
        if self.policy is None:
            raise failure("NoSuchBucketPolicy", 404, "GetBucketPolicy")
        return {"Policy": self.policy}

    def put_bucket_policy(self, *, Policy: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Keep the policy."""
        self.policy = Policy
        return {}

    def delete_bucket_policy(self, **_: Any) -> dict[str, Any]:
        """Forget the policy."""
        self.policy = None
        return {}


class Client:
    """A boto3 client of one process. It dies after some requests, or cannot reach its region at all."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self.left: int | None = None
        self.is_down = False
        self.is_denied = False
        self.meta = SimpleNamespace(region_name="eu-west-1", endpoint_url="http://region")

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self._service, operation)

        def call(**arguments: Any) -> Any:
            arguments.pop("Bucket", None)
            if self.is_down:
                raise failure("ServiceUnavailable", 503, operation)
            if self.is_denied:
                raise failure("AccessDenied", 403, operation)
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    raise Killed(operation)
            return method(**arguments)

        return call

    def get_paginator(self, operation: str) -> Any:
        """Answer in one page, when it is asked for."""

        def paginate(**arguments: Any) -> Iterator[Any]:
            yield getattr(self, operation)(**arguments)

        return SimpleNamespace(paginate=paginate)


class OneThread(ObjectStore):
    """A store whose process has one thread: it does one item after another, and dies at once where it is killed."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Apply a function to items."""
        return [function(item) for item in items]


@dataclass
class Region:
    """One region: bucket, catalog, and a lake over them."""

    name: str
    layout: str
    clock: Clock
    bucket: RegionBucket = field(init=False)
    glue: Glue = field(default_factory=Glue)

    def __post_init__(self) -> None:
        self.bucket = RegionBucket(self.clock, 1 if self.name == "west" else 500_000)
        self.s3 = Client(self.bucket)
        self.contract: Contract = contract(self.layout)
        self.lake = self.lake_by(self.s3)

    def lake_by(self, s3: Any) -> Lake:
        """The lake as a process with its own client sees it."""
        return Lake(
            OneThread(s3, self.name, threads=1), GlueCatalog(Client(self.glue), threads=1, sleep=lambda _: None),
            DuckDbEngine(), Path("/nowhere"), contract=lambda _: self.contract,
        )  # fmt: skip

    def publish(self, number: int, days: Iterable[Period] = DAYS, lake: Lake | None = None) -> RunRecord:
        """Publish a run over some days; later numbers began later."""
        lake, run = lake or self.lake, Run(id=f"run-{number}", started_at=START + timedelta(seconds=number))
        listed = list(days)
        period = listed[0] if len(listed) == 1 else MONTH
        manifest = RunRecord(
            table=self.contract.name, period=str(period), run=run, contract_version="1.0.0", schema_fingerprint="f",
            balance=RowBalance(read=2, staged=2), partitions=(), audit={"passed": True},
            touched=self._based_on(lake, listed) if 1 < len(listed) < len(DAYS) else None,
        )  # fmt: skip
        staged = tuple(self._stage(lake, manifest, number, day) for day in listed)
        return publish(lake, manifest.model_copy(update={"partitions": staged}).save(lake.store).key)

    def _based_on(self, lake: Lake, days: list[Period]) -> dict[str, int]:
        """What a run that rebuilds some of its period's partitions has read."""
        live = {part: lake.ledger.live(self.contract.table, part) for part in map(Partition.of_period, days)}
        return {part.path: entry.live_seq if entry else 0 for part, entry in live.items()}

    def _stage(self, lake: Lake, manifest: RunRecord, number: int, day: Period) -> StagedPartition:
        body, partition = parquet(number, str(day)), Partition.of_period(day)
        key = f"{manifest.prefix}{partition.path}/part-00000.parquet"
        lake.store.put(Target(key, {SHA256: content_hash(body)}), body)
        item = StagedObject(key=key, size=len(body), sha256=content_hash(body), rows=2)
        return StagedPartition(partition=partition.path, objects=(item,))

    def own_versions(self) -> list[tuple[str, Version]]:
        """The versions that S3 would replicate: not the replicas, and no delete markers."""
        found = [
            (key, version) for key, versions in self.bucket.keys.items() if key.startswith(KEPT)
            for version in versions if not version.marker and version.id not in self.bucket.replicas
        ]  # fmt: skip
        return sorted(found, key=lambda pair: int(pair[1].id[1:]))

    def document(self) -> EpochDocument:
        """The document of the epoch as it is here."""
        document, _ = EpochRegister(self.lake.store).load()
        assert document is not None
        return document

    # What three kinds of readers see of each partition: the hash of its rows, or nothing.

    def by_path(self) -> dict[Partition, str]:
        """Readers of the plain path; of the versioned layout there are none."""
        return {part: self._content(live_prefix(self.contract.table, part)) for part in PARTITIONS}

    def by_catalog(self) -> dict[Partition, str]:
        """Readers by Glue's partitions."""
        table = self.contract.table
        held = self.glue.partitions.get((table.database, table.table), {})
        found = {}
        for part in PARTITIONS:
            item = held.get(tuple(str(value) for value in part.values))
            found[part] = self._content(item["StorageDescriptor"]["Location"].split("/", 3)[3]) if item else ""
        return found

    def by_ledger(self) -> dict[Partition, str]:
        """Readers by ledger, who see runs as a whole and pin versions."""
        lake, found = self.lake.with_whole_runs([self.contract.table]), {}
        for part in PARTITIONS:
            entry = lake.ledger.live(self.contract.table, part)
            bodies = [lake.store.get(item.key, item.version_id)[0] for item in entry.objects] if entry else []
            found[part] = "".join(map(content_hash, bodies))
        return found

    def readers(self) -> dict[str, dict[Partition, str]]:
        """What each kind of reader sees."""
        kinds = {"ledger": self.by_ledger(), "catalog": self.by_catalog()}
        return kinds | ({"path": self.by_path()} if self.layout == "plain" else {})

    def _content(self, prefix: str) -> str:
        prefix = prefix if prefix.endswith("/") else f"{prefix}/"
        bodies = [self.bucket.keys[key][-1].body for key in self.bucket.below(prefix)]
        return "".join(map(content_hash, bodies))


class Refused(Exception):
    """The bucket's policy refuses replicas."""


@dataclass
class TwoRegions:
    """A primary and its copy. Where `keeps_ids`, replicas have their version ids as on AWS; else they get new ones."""

    layout: str = "plain"
    keeps_ids: bool = False
    clock: Clock = field(default_factory=Clock)
    west: Region = field(init=False)
    north: Region = field(init=False)
    delivered: set[tuple[str, str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.west, self.north = Region("west", self.layout, self.clock), Region("north", self.layout, self.clock)
        self._ids = itertools.count(1_000_000)
        first = EpochDocument(bucket="west", region="eu-west-1", since=START)
        EpochRegister(self.west.lake.store).replace(first, "")
        self.deliver(only="_epoch")

    def deliver(
        self, random: Random | None = None, stop: float = 1.0, *, back: bool = False, only: str = "", without: str = ""
    ) -> list[str]:
        """Replicate what is pending, in any order, up to a share of it, and return the keys."""
        source, target = (self.north, self.west) if back else (self.west, self.north)
        if target.bucket.policy and REFUSAL_SID in target.bucket.policy:
            raise Refused(target.name)
        pending = [
            (key, version) for key, version in source.own_versions()
            if (source.name, key, version.id) not in self.delivered and only in key
            and not (without and without in key)
        ]  # fmt: skip
        if random:
            random.shuffle(pending)
        sent = pending[: round(len(pending) * stop)]
        for key, version in sent:
            self.delivered.add((source.name, key, version.id))
            name = version.id if self.keeps_ids else f"v{next(self._ids)}"
            self._arrive(target, key, replace(version, id=name, noncurrent_since=None))
        return [key for key, _ in sent]

    def _arrive(self, target: Region, key: str, version: Version) -> None:
        target.bucket.replicas.add(version.id)
        target.bucket._append(key, version)  # S3 itself writes it, not a client

    def takeover(self, region: str = "north", **options: Any) -> RegionTakeover:
        """The takeover by a region."""
        mine, other = (self.north, self.west) if region == "north" else (self.west, self.north)
        return RegionTakeover(mine.lake, [mine.contract], f"eu-{region}-1", lambda *_: other.lake, **options)

    def lose(self, region: str = "west") -> None:
        """No process of the other region gets an answer from there any more."""
        getattr(self, region).s3.is_down = True


def audited(numbers: Iterable[int]) -> Mapping[str, tuple[int, Partition]]:
    """The hash of the rows of every publication that could be, with its run and partition."""
    parts = [*zip(DAYS, PARTITIONS, strict=True)]
    return {_hash_of(number, day): (number, part) for number in numbers for day, part in parts}


@cache
def _hash_of(number: int, day: Period) -> str:
    return content_hash(parquet(number, str(day)))
