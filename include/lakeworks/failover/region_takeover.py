"""Takeover of a region: this bucket becomes the primary of the next epoch (docs/adr/0038)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import yaml

from lakeworks.contract import Contract
from lakeworks.core.clock import utc_now
from lakeworks.errors import FailoverRefused, LakeAccessDenied, LakeNotFound
from lakeworks.failover.handover import end_publications
from lakeworks.failover.replica_refusal import are_replicas_refused, refuse_replicas
from lakeworks.failover.shares import problem_of, shares_of, write_epoch
from lakeworks.failover.takeover import TableTakeover
from lakeworks.failover.takeover_plan import TableChoices, plan_table
from lakeworks.infrastructure.resources.bucket_manifest import KEY
from lakeworks.lake import Lake
from lakeworks.ledger.epoch import FIRST, EpochDocument, EpochRegister
from lakeworks.s3.object_store import ObjectStore

# Makes a lake over another bucket in another region, with the same tenants.
OtherLake = Callable[[str, str], Lake]


@dataclass(frozen=True)
class Situation:
    """The primary as this bucket knows it."""

    document: EpochDocument
    primary: Lake | None  # the other bucket, if it can be read
    problem: str = ""  # why it cannot
    is_denied: bool = False  # it answers, and refuses these credentials

    def is_primary(self, bucket: str) -> bool:
        """Return True if a bucket is the primary already."""
        return self.document.bucket == bucket and self.document.state == "primary"


@dataclass(frozen=True)
class RegionPlan:
    """The plan for all tables of all shares."""

    situation: Situation
    tables: Sequence[TableChoices]

    @property
    def behind(self) -> int:
        """Return the number of partitions of which the primary has a publication that has not arrived."""
        return sum(1 for table in self.tables for item in table.partitions if item.behind)

    def counted(self) -> dict[str, int]:
        """Return the number of partitions by outcome, and of stray objects."""
        rows = [row["outcome"] for table in self.tables for row in table.rows]
        return {name: rows.count(name) for name in ("newest", "older", "none", "stray")}


@dataclass(frozen=True)
class RegionTakeover:
    """The takeover by one bucket. `report` receives each table's plan when it is done."""

    lake: Lake
    contracts: Sequence[Contract]
    region: str
    other: OtherLake
    deep: bool = False
    clock: Callable[[], datetime] = utc_now

    def situation(self) -> Situation:
        """Find out which bucket is the primary, and whether it answers.

        Raises:
            FailoverRefused: nothing here says which bucket the primary is.
        """
        own, _ = EpochRegister(self.lake.store).load()
        bucket, region = (own.bucket, own.region) if own else self._manifest()
        if bucket == self.lake.store.bucket and own:
            bucket, region = own.previous, own.previous_region
        if not bucket:
            return Situation(own or self._first(bucket, region), None, "there is no other bucket")
        other = self.other(bucket, region)
        if problem := problem_of(other.store):
            denied = isinstance(problem, LakeAccessDenied)
            return Situation(own or self._first(bucket, region), None, str(problem), denied)
        theirs, _ = EpochRegister(other.store).load()
        documents = [item for item in (own, theirs) if item] or [self._first(bucket, region)]
        return Situation(max(documents, key=lambda item: item.epoch), other)

    def plan(self, situation: Situation | None = None) -> RegionPlan:
        """Find what a takeover would make live. Changes nothing.

        Raises:
            LakeNotFound: it cannot be decided, because the begin of an epoch is not known here.
        """
        situation = situation or self.situation()
        return RegionPlan(situation, list(self._plans(situation)))

    def apply(self, *, primary_is_lost: bool = False, accept_loss: bool = False) -> tuple[RegionPlan, int]:
        """Make this bucket the primary. Return what became live, and how many differences of the catalog are left.

        A takeover that was cut off is completed by the next one. In a bucket that is the primary already, it only
        writes the epoch into the former primary, if that answers again.

        Args:
            primary_is_lost: take over although the primary does not answer: its writers are then not refused there.
            accept_loss: take over although the primary has publications that have not arrived.

        Raises:
            FailoverRefused: one of both is needed; or this bucket was handed over. The message says what was changed.
            LostRace: another takeover is under way.
        """
        situation = self.situation()
        known = situation.document
        if known.bucket == self.lake.store.bucket and known.state == "handed over":
            raise FailoverRefused(
                f"`s3://{known.bucket}` is the primary and was handed over. Nothing was changed. To publish here again: "
                "lakeworks failover hand-over --undo"
            )
        if situation.is_primary(self.lake.store.bucket):
            self._tell(situation.primary, known)
            return RegionPlan(situation, ()), 0
        self._refuse_unanswered(situation, lost=primary_is_lost)
        if not accept_loss:
            self._refuse_behind(self.plan(situation), "Nothing was changed.")
        document = self._next(known)
        self._tell(situation.primary, document)
        if situation.primary and not accept_loss:
            left = f"`s3://{situation.primary.store.bucket}` publishes nothing any more."
            self._refuse_behind(self.plan(situation), left)
        refuse_replicas(self.lake.store.client, self.lake.store.bucket, self.region)
        shares = shares_of(self.lake)
        write_epoch(shares, document)
        plans, left_over = [], 0
        for share, contract in ((share, contract) for share in shares for contract in self.contracts):
            plan = self._plan_of(share, contract, situation, document.takeovers[:-1])
            left_over += len(TableTakeover(share, contract, document, self.clock).carry_out(plan))
            plans.append(plan)
        document = document.model_copy(update={"state": "primary"})
        write_epoch(shares, document)
        self._tell(situation.primary, document)
        return RegionPlan(replace(situation, document=document), plans), left_over

    def describe(self, situation: Situation) -> Mapping[str, Any]:
        """Return the situation for people and programs."""
        document = situation.document
        answers = "itself" if situation.is_primary(self.lake.store.bucket) else "yes"
        return {
            "epoch": document.epoch,
            "primary": document.bucket,
            "region": document.region,
            "state": document.state,
            "answers": answers
            if situation.primary
            else f"{'denied' if situation.is_denied else 'no'}: {situation.problem}",
            "replicas": "refused" if self._are_refused() else "admitted",
        }

    def _are_refused(self) -> bool:
        return are_replicas_refused(self.lake.store.client, self.lake.store.bucket)

    def _plans(self, situation: Situation) -> Iterator[TableChoices]:
        known = situation.document
        takeovers = known.takeovers[:-1] if known.state == "taking over" else known.takeovers
        for share in shares_of(self.lake):
            for contract in self.contracts:
                yield self._plan_of(share, contract, situation, takeovers)

    def _plan_of(self, share: Lake, contract: Contract, situation: Situation, takeovers: Sequence[int]) -> TableChoices:
        primary: ObjectStore | None = None
        if situation.primary:
            primary = (situation.primary.for_tenant(share.tenant) if share.tenant else situation.primary).store
        return plan_table(share, contract, takeovers, primary, deep=self.deep)

    def _next(self, known: EpochDocument) -> EpochDocument:
        """Return the document of the epoch that begins; that of an unfinished takeover by this bucket goes on."""
        if known.bucket == self.lake.store.bucket:
            return known
        return EpochDocument(
            epoch=known.epoch + 1, bucket=self.lake.store.bucket, region=self.region, state="taking over",
            since=self.clock(), previous=known.bucket, previous_region=known.region,
            takeovers=(*known.takeovers, known.epoch + 1),
        )  # fmt: skip

    def _tell(self, other: Lake | None, document: EpochDocument) -> None:
        """Write the epoch into the other bucket, and end what is being published there."""
        if other is None:
            return
        shares = shares_of(other)
        write_epoch(shares, document)
        for share in shares:
            end_publications(share, self.contracts)

    def _refuse_unanswered(self, situation: Situation, *, lost: bool) -> None:
        if situation.primary or lost:
            return
        if situation.is_denied:
            raise FailoverRefused(
                f"The primary {situation.document.primary} answers and refuses these credentials ({situation.problem}). It is "
                "not lost: its writers go on. Nothing was changed. Give the role `lakeworks policy --for failover` for both "
                "buckets, and let the primary's bucket policy and KMS key admit it. If its account is lost to you, stop its "
                "scheduler if you can, and repeat with --primary-lost"
            )
        raise FailoverRefused(
            f"The primary {situation.document.primary} does not answer ({situation.problem}), so its writers cannot be "
            "refused there, and publications that have not arrived are unknown. Nothing was changed. If it is lost, stop "
            "its scheduler if you can, and repeat with --primary-lost"
        )

    @staticmethod
    def _refuse_behind(plan: RegionPlan, state: str) -> None:
        if plan.behind:
            primary = plan.situation.document
            raise FailoverRefused(
                f"{plan.behind:,} partitions have publications in {primary.primary} that have not arrived here. {state} Let "
                "the primary stop first (there: lakeworks failover hand-over), wait for the replication, and run again. To do "
                "without them: --accept-loss"
            )

    def _manifest(self) -> tuple[str, str]:
        """Return bucket and region of the primary by the bucket's manifest, which is replicated, too."""
        try:
            body, _ = self.lake.store.get(KEY)
        except LakeNotFound:
            body = b""
        manifest = yaml.safe_load(body) or {}
        bucket, region = str(manifest.get("bucket_name") or ""), str(manifest.get("region") or "")
        if not bucket or bucket == self.lake.store.bucket:
            raise FailoverRefused(
                f"`s3://{self.lake.store.bucket}` has neither a document of the epoch nor the manifest of another bucket, so "
                "it is no copy of a lake. Nothing was changed. Is LAKE_BUCKET the bucket that is to take over?"
            )
        return bucket, region

    def _first(self, bucket: str, region: str) -> EpochDocument:
        return EpochDocument(epoch=FIRST, bucket=bucket, region=region, since=self.clock())
