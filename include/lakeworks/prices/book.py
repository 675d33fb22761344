"""The price book: one dated YAML file of list prices by region and storage class, with its source.

The newest file in this folder is used. `LAKE_PRICE_BOOK` names another file (other regions, negotiated prices).
"""

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lakeworks.core.yaml_document import explained_file, read_yaml
from lakeworks.errors import ConfigError

GIB = 1024**3
_FOLDER = Path(__file__).parent


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StorageClass(_Part):
    """Rules of a storage class in every region."""

    minimum_bytes: int = Field(0, ge=0, description="A smaller object is billed as this many bytes.")
    minimum_days: int = Field(0, ge=0, description="An object that leaves earlier is billed until then.")
    monitored_above_bytes: int | None = Field(None, description="Objects from this size on pay the monitoring fee.")
    archived: bool = Field(False, description="True if objects must be restored before reading.")
    restore_hours: int = Field(0, ge=0, description="Longest time of a bulk restore, in hours.")
    faster_restore_hours: dict[Literal["standard", "expedited"], float] = Field(
        default_factory=dict, description="Longest time of a restore in the faster tiers of the class, in hours."
    )
    overhead_bytes: int = Field(0, ge=0, description="Added to each object, billed in its own class.")
    overhead_standard_bytes: int = Field(0, ge=0, description="Added to each object, billed as STANDARD.")

    @property
    def tiers(self) -> dict[str, float]:
        """Return the hours a restore takes, by tier, the cheapest first; empty for a class without restores."""
        by_tier: dict[str, float] = {"bulk": self.restore_hours} if self.archived else {}
        for tier, hours in self.faster_restore_hours.items():
            by_tier[tier] = hours
        return by_tier


class RestorePrice(_Part):
    """US dollars of a restore: per GB, and per 1,000 objects."""

    retrieval: float = Field(ge=0)
    request: float = Field(ge=0)


class ClassPrices(_Part):
    """US dollars: storage per GB-month, retrieval per GB, everything else per 1,000 requests or objects."""

    storage: float = Field(ge=0)
    put: float = Field(ge=0)
    get: float = Field(ge=0)
    transition: float = Field(0, ge=0)
    faster_restores: dict[Literal["standard", "expedited"], "RestorePrice"] = Field(
        default_factory=dict, description="Prices of `retrieval` and `restore_request` in the faster tiers."
    )
    retrieval: float = Field(0, ge=0)
    restore_request: float = Field(0, ge=0)


class RegionPrices(_Part):
    """One region's prices; `monitoring` per 1,000 objects and month, `inventory` per million objects, `athena` per TB.

    `object_tags` is per 10,000 tags and month.
    """

    classes: dict[str, ClassPrices]
    monitoring: float = Field(ge=0)
    inventory: float = Field(ge=0)
    athena: float = Field(ge=0)
    replication_transfer: float = Field(ge=0)
    object_tags: float = Field(0.01, ge=0)


class PriceBook(_Part):
    """Every price with its date and source."""

    as_of: date
    source: str
    provenance: str = ""
    classes: dict[str, StorageClass]
    regions: dict[str, RegionPrices]

    @model_validator(mode="after")
    def _price_known_classes(self) -> "PriceBook":
        for name, region in self.regions.items():
            if unknown := sorted(set(region.classes) - set(self.classes)):
                raise ValueError(f"region {name} prices classes without rules: {', '.join(unknown)}")
        return self

    def region(self, name: str) -> RegionPrices:
        """Return the prices of a region.

        Raises:
            ConfigError: the book has none.
        """
        if name not in self.regions:
            raise ConfigError(
                f"The price book of {self.as_of} has no prices for region `{name}` (it has {', '.join(self.regions)}). "
                "Nothing was computed. Add the region to a copy of the file and name that in LAKE_PRICE_BOOK."
            )
        return self.regions[name]

    def price(self, region: str, storage_class: str) -> ClassPrices:
        """Return the prices of a storage class in a region.

        Raises:
            ConfigError: the book has none; the message names region and class.
        """
        price = self.region(region).classes.get(storage_class)
        if price is None:
            raise ConfigError(
                f"The price book of {self.as_of} has no price for `{storage_class}` in `{region}`. Nothing was computed. "
                "Add it to a copy of the file and name that in LAKE_PRICE_BOOK."
            )
        return price

    def restore_price(self, region: str, storage_class: str, tier: str) -> RestorePrice | None:
        """Return the price of a restore in a tier; None if the book has no price for that tier.

        Raises:
            ConfigError: the book has no prices for region and class.
        """
        price = self.price(region, storage_class)
        if tier == "bulk":
            return RestorePrice(retrieval=price.retrieval, request=price.restore_request)
        return price.faster_restores.get(tier)  # type: ignore[call-overload, no-any-return]

    def rules(self, storage_class: str) -> StorageClass:
        """Return the minimum size and duration of a class.

        Raises:
            ConfigError: the book does not know the class.
        """
        if storage_class not in self.classes:
            raise ConfigError(
                f"The price book of {self.as_of} does not know the storage class `{storage_class}` "
                f"(it has {', '.join(self.classes)}). Nothing was computed."
            )
        return self.classes[storage_class]

    def stored_per_month(self, region: str, storage_class: str, size: int) -> float:
        """Return the monthly cost of an object of `size` bytes: minimum size, archive overhead and monitoring included."""
        rules, price = self.rules(storage_class), self.price(region, storage_class)
        billed = max(size, rules.minimum_bytes) + rules.overhead_bytes
        standard = self.price(region, "STANDARD").storage if rules.overhead_standard_bytes else 0.0
        watched = rules.monitored_above_bytes is not None and size >= rules.monitored_above_bytes
        fee = self.region(region).monitoring / 1000 if watched else 0.0
        return (billed * price.storage + rules.overhead_standard_bytes * standard) / GIB + fee


@lru_cache
def load_price_book(path: Path | None = None) -> PriceBook:
    """Load the newest price book of the package, or the one at `path`.

    Raises:
        ConfigError: the file is missing, is no YAML, or has a wrong field; the message names file and field.
    """
    path = path or max(_FOLDER.glob("*.yml"), key=lambda file: file.name)
    with explained_file(f"The price book `{path}`", "Nothing was computed.", path_advice="Correct LAKE_PRICE_BOOK."):
        return PriceBook.model_validate(read_yaml(path))
