"""Differences between ledger and catalog, and their descriptions."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from lakeworks.core.partition import Partition

DifferenceKind = Literal[
    "table not in catalog",
    "table behind contract",
    "other partition keys",
    "not in catalog",
    "wrong in catalog",
    "dead in catalog",
    "foreign in catalog",
    "no object",
    "ledger unreadable",
    "no Iceberg table",
    "Iceberg behind contract",
    "Iceberg behind ledger",
    "Iceberg cannot follow",
    "Iceberg table left",
    "landing table behind contract",
    "landed, not in catalog",
    "no complete fetch",
]
# Differences that the catalog did not cause, or that only a person can decide.
LEFT_ALONE: frozenset[DifferenceKind] = frozenset(
    {
        "other partition keys",
        "foreign in catalog",
        "no object",
        "ledger unreadable",
        "Iceberg cannot follow",
        "Iceberg table left",
    }
)


@dataclass(frozen=True)
class CatalogDifference:
    """One difference between catalog and ledger."""

    kind: DifferenceKind
    partition: Partition
    detail: str
    repaired: bool = False


def summarised(differences: Iterable[CatalogDifference]) -> dict[str, Any]:
    """Return counts by kind, and the first few unresolved differences."""
    listed = list(differences)
    left = [item for item in listed if not item.repaired]
    return {
        "differences": dict(Counter(item.kind for item in listed)),
        "repaired": len(listed) - len(left),
        "left": [f"{item.partition}: {item.kind}, {item.detail}" for item in left[:5]],
    }


def dead(partition: Partition, registered: Mapping[str, Any], *, foreign: bool) -> CatalogDifference:
    """Describe a partition that the catalog lists and the ledger does not."""
    where = registered.get("StorageDescriptor", {}).get("Location")
    if foreign:
        messages = f"registered with objects at `{where}`, but lakeworks did not publish them; not changed"
        return CatalogDifference("foreign in catalog", partition, messages)
    return CatalogDifference("dead in catalog", partition, f"registered at `{where}`, but nothing is published")


def no_object(partition: Partition, item: Mapping[str, Any]) -> CatalogDifference:
    """Describe a partition that is right in the catalog, but has an empty folder."""
    messages = f"there is no object at `{item['StorageDescriptor']['Location']}`; restore it: lakeworks repair"
    return CatalogDifference("no object", partition, messages)


def outcome(difference: CatalogDifference, code: str | None) -> CatalogDifference:
    """Return the difference after a repair: repaired, refused by Glue with a code, or left to a person."""
    if difference.kind in LEFT_ALONE:
        return difference
    if code:
        return replace(difference, detail=f"{difference.detail}; Glue refused to repair it: {code}. Run again")
    return replace(difference, repaired=True)
