"""Intelligent-Tiering and inventory: S3 stores these configurations one by one, each under our id."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lakeworks.infrastructure.bucket_names import OURS
from lakeworks.infrastructure.config import Inventory, Tiering
from lakeworks.infrastructure.resource import Document, Resource, every_page, without_empty


@dataclass(frozen=True)
class IntelligentTiering(Resource):
    """Archive tiers for objects that are in the class INTELLIGENT_TIERING."""

    kind: ClassVar[str] = "intelligent tiering"
    tiering: Tiering = field(default_factory=Tiering)

    def desired(self) -> Document:
        """Return the configuration."""
        tiers = (
            ("ARCHIVE_ACCESS", self.tiering.archive_access_after_days),
            ("DEEP_ARCHIVE_ACCESS", self.tiering.deep_archive_access_after_days),
        )
        where = {"Filter": {"Prefix": self.tiering.prefix}} if self.tiering.prefix else {}
        tierings = [{"Days": days, "AccessTier": tier} for tier, days in tiers if days]
        return {"Id": f"{OURS}{self.tiering.id}", **where, "Status": "Enabled", "Tierings": tierings}

    def read(self, client: Any) -> Document | None:
        """Return our configuration from the list of all: some servers send an empty one for an unknown id."""
        configurations = every_page(
            client.list_bucket_intelligent_tiering_configurations,
            "IntelligentTieringConfigurationList",
            Bucket=self.name,
        )
        return next(
            (without_empty(item) for item in configurations if item.get("Id") == f"{OURS}{self.tiering.id}"), None
        )

    def write(self, client: Any, target: Document) -> None:
        """Create or replace ours."""
        client.put_bucket_intelligent_tiering_configuration(
            Bucket=self.name, Id=target["Id"], IntelligentTieringConfiguration=target
        )

    def notes(self, current: Document) -> list[str]:
        """Warn that readers cannot open objects in the archive tiers."""
        where = self.tiering.prefix or "the whole bucket"
        return [
            (
                f"objects of {where} in an archive tier must be restored first, which takes hours; runs and backfills "
                "cannot read them before"
            )
        ]


@dataclass(frozen=True)
class InventoryReport(Resource):
    """A list of every object version with size and class, as Parquet."""

    kind: ClassVar[str] = "inventory"
    to: str = ""
    inventory: Inventory = field(default_factory=Inventory)
    account: str | None = None
    partition: str = "aws"
    kms_key_id: str | None = None

    def notes(self, current: Document) -> list[str]:
        """Name what no call shows: S3 leaves a report out, without an error, if the key's policy does not admit it."""
        if not self.kms_key_id or self.to != self.name:
            return []
        return [
            f"S3 writes it encrypted by {self.kms_key_id}: the key's policy must let the service s3.amazonaws.com use "
            "kms:GenerateDataKey, or no list arrives and nothing says so (or declare `logging`: its bucket has SSE-S3)"
        ]

    def desired(self) -> Document:
        """Return the configuration."""
        destination = {
            "Bucket": f"arn:{self.partition}:s3:::{self.to}",
            "Format": "Parquet",
            "Prefix": self.inventory.prefix,
        }
        if self.account:
            destination["AccountId"] = self.account
        return {
            "Id": f"{OURS}inventory",
            "IsEnabled": True,
            "IncludedObjectVersions": "All",
            "OptionalFields": ["ETag", "IntelligentTieringAccessTier", "LastModifiedDate", "Size", "StorageClass"],
            "Schedule": {"Frequency": self.inventory.frequency},
            "Destination": {"S3BucketDestination": destination},
        }

    def read(self, client: Any) -> Document | None:
        """Return our configuration from the list of all."""
        configurations = every_page(
            client.list_bucket_inventory_configurations, "InventoryConfigurationList", Bucket=self.name
        )
        ours = next((without_empty(item) for item in configurations if item.get("Id") == f"{OURS}inventory"), None)
        return {**ours, "OptionalFields": sorted(ours.get("OptionalFields", []))} if ours else None

    def write(self, client: Any, target: Document) -> None:
        """Create or replace ours."""
        client.put_bucket_inventory_configuration(Bucket=self.name, Id=target["Id"], InventoryConfiguration=target)
