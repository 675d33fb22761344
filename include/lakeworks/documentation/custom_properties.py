"""Custom properties of the vendor `lakeworks`: facts for which the Open Data Contract Standard has no field."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from open_data_contract_standard.model import CustomProperty

VENDOR = "lakeworks"
# Fields of a contract that the standard does not have. It has `freshness` and `retention` in part.
FIELDS = (
    "engine",
    "source",
    "source_options",
    "landing",
    "partition_by",
    "schema_policy",
    "deduplicate_by",
    "preserves_rows",
    "look_back_periods",
    "may_empty",
    "late_data",
    "inputs",
    "quarantine",
    "plausible_times",
    "freshness",
    "approval",
    "retention",
    "storage",
    "catalog",
    "serving",
)


def to_custom(values: Mapping[str, Any]) -> "list[CustomProperty] | None":
    """Return the properties of existing values, with names in camel case as the standard requires; None if there is none."""
    from open_data_contract_standard.model import CustomProperty

    properties = [
        CustomProperty(property=camel_case(key), value=value, vendor=VENDOR)
        for key, value in values.items()
        if value is not None
    ]
    return properties or None


def from_custom(properties: "Sequence[CustomProperty] | None") -> dict[str, Any]:
    """Return the values of our properties by the contract's names; those of other vendors are left out."""
    return {
        snake_case(item.property): item.value for item in properties or () if item.vendor == VENDOR and item.property
    }


def camel_case(name: str) -> str:
    """Return `partitionBy` for `partition_by`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def snake_case(name: str) -> str:
    """Return `partition_by` for `partitionBy`."""
    return re.sub(r"(?=[A-Z])", "_", name).lower()
