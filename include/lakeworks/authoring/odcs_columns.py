"""Properties of an Open Data Contract Standard document as columns of a contract."""

from typing import TYPE_CHECKING, Any

from lakeworks.authoring.odcs_types import column_type
from lakeworks.documentation.custom_properties import from_custom

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality, SchemaProperty

_CLASSES = ("public", "internal", "confidential", "restricted")
_TIMES = ("date", "timestamp", "time")


def to_column(prop: "SchemaProperty") -> dict[str, Any]:
    """Return a column as contract.yml writes it."""
    options = prop.logicalTypeOptions or {}
    column: dict[str, Any] = {
        "type": column_type(prop, str(prop.name)),
        "description": prop.description or f"`{prop.name}` as received.",
        "required": bool(prop.required or prop.primaryKey or any(map(is_not_null, prop.quality or ()))),
        "allowed": _allowed(prop),
        "pattern": options.get("pattern"),
        "classification": _classification(prop),
        "pii": "pii" in (prop.tags or ()),
    }
    if prop.logicalType not in _TIMES:
        column |= {key: options[key] for key in ("minimum", "maximum") if key in options}
    column |= from_custom(prop.customProperties)  # exact limits, and what the standard cannot say
    return {key: value for key, value in column.items() if value is not None}


def is_not_null(rule: "DataQuality") -> bool:
    """Return whether a rule of a property says that it has no nulls."""
    return rule.metric == "nullValues" and rule.mustBe == 0


def valid_values(rule: "DataQuality") -> list[Any] | None:
    """Return the values that a rule of a property allows; None if it is another rule."""
    if rule.metric != "invalidValues" or rule.mustBe != 0:
        return None
    values = (rule.arguments or {}).get("validValues")
    return values if isinstance(values, list) else None


def _allowed(prop: "SchemaProperty") -> list[Any] | None:
    if prop.enum:
        return [item.value for item in prop.enum]
    return next((values for rule in prop.quality or () if (values := valid_values(rule))), None)


def _classification(prop: "SchemaProperty") -> str:
    """Return our word for a classification; the strictest for a word that is unknown here."""
    said = (prop.classification or "public").lower()
    return said if said in _CLASSES else "restricted"
