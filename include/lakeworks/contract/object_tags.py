"""Object tags from contracts: an object's owner, classification and retention."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from lakeworks.contract.columns import Column
from lakeworks.contract.contract import Contract, all_tables, load_contract
from lakeworks.contract.sections import Retention
from lakeworks.core.layout import LANDING, QUARANTINE, owner_of
from lakeworks.core.names import LAYERS
from lakeworks.errors import ContractError

TagName = Literal["owner", "classification", "domain", "source", "retention"]
CLASSES = ("public", "internal", "confidential", "restricted")


@dataclass(frozen=True)
class ObjectTags:
    """The tags of objects by key, tenants' included. Only live objects, landing and quarantine have tags.

    :param names: which tags; each one costs money a month.
    :param retention_of: a table's retention, lake.yml's defaults included.
    """

    names: Sequence[TagName]
    retention_of: Callable[[Contract], Retention] = lambda contract: contract.retention

    def __call__(self, key: str) -> Mapping[str, str]:
        """Return the tags; none where no table of the project has the object."""
        place = owner_of(key)
        if place.area in LAYERS or place.area == QUARANTINE:
            return self._of_table(place.table)
        return self._of_landing(place.table) if place.area == LANDING else {}

    def _of_table(self, table: str) -> Mapping[str, str]:
        return _cached(self, (table,)) if table else {}

    def _of_landing(self, dataset: str) -> Mapping[str, str]:
        return _cached(self, _tables_of(dataset))


@cache
def _cached(tags: ObjectTags, tables: tuple[str, ...]) -> Mapping[str, str]:
    contracts = [contract for table in tables if (contract := _loaded(table)) is not None]
    return _merged(tags, contracts) if contracts else {}


def _merged(tags: ObjectTags, contracts: Sequence[Contract]) -> Mapping[str, str]:
    """Return the first table's tags with the highest classification: each of these tables reads the landed object."""
    first = contracts[0]
    days = tags.retention_of(first).expire_after_days
    values = {
        "owner": first.team,
        "classification": classification_of(contracts),
        "domain": first.table.domain,
        "source": first.source or "",
        "retention": f"{days} days" if days else "kept",
    }
    return {name: values[name] for name in get_args(TagName) if name in tags.names and values[name]}


def classification_of(contracts: Iterable[Contract]) -> str:
    """Return the highest classification of all columns; personal data is at least `confidential`."""
    classes = [class_of(column) for contract in contracts for column in contract.columns.values()]
    return max(classes, default="public", key=CLASSES.index)


def class_of(column: Column) -> str:
    """Return the classification of a column; personal data is at least `confidential`."""
    return max(column.classification, "confidential" if column.pii else "public", key=CLASSES.index)


def _loaded(table: str) -> Contract | None:
    try:
        return load_contract(table)
    except ContractError:  # data of a removed table, or of another project
        return None


@cache
def _tables_of(dataset: str) -> tuple[str, ...]:
    return tuple(table for table in all_tables() if (contract := _loaded(table)) and contract.source == dataset)
