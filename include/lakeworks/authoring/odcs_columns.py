"""Properties of an Open Data Contract Standard document as columns of a contract."""

from typing import TYPE_CHECKING, Any

from lakeworks.authoring.odcs_types import column_type
from lakeworks.documentation.custom_properties import from_custom

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality, SchemaProperty

_CLASSES = ("public", "internal", "confidential", "restricted")
_TIMES = ("date", "timestamp", "time")


def to_column(found: "SchemaProperty") -> dict[str, Any]:
    """Return a column as contract.yml writes it."""
    options = found.logicalTypeOptions or {}
    column: dict[str, Any] = {
        "type": column_type(found, str(found.name)),
        "description": found.description or f"`{found.name}` as received.",
        "required": bool(found.required or found.primaryKey or any(map(is_not_null, found.quality or ()))),
        "allowed": _allowed(found),
        "pattern": options.get("pattern"),
        "classification": _classification(found),
        "pii": "pii" in (found.tags or ()),
    }
    if found.logicalType not in _TIMES:
        column |= {key: options[key] for key in ("minimum", "maximum") if key in options}
    column |= from_custom(found.customProperties)  # exact limits, and what the standard cannot say
    return {key: value for key, value in column.items() if value is not None}


def is_not_null(rule: "DataQuality") -> bool:
    """Return whether a rule of a property says that it has no nulls."""
    return rule.metric == "nullValues" and rule.mustBe == 0


def valid_values(rule: "DataQuality") -> list[Any] | None:
    """Return the values that a rule of a property allows; None if it is another rule."""
    if rule.metric != "invalidValues" or rule.mustBe != 0:
        return None
    found = (rule.arguments or {}).get("validValues")
    return found if isinstance(found, list) else None


def _allowed(found: "SchemaProperty") -> list[Any] | None:
    if found.enum:
        return [item.value for item in found.enum]
    return next((values for rule in found.quality or () if (values := valid_values(rule))), None)


def _classification(found: "SchemaProperty") -> str:
    """Return our word for a classification; the strictest for a word that is unknown here."""
    said = (found.classification or "public").lower()
    return said if said in _CLASSES else "restricted"
