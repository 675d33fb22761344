"""Examples beside the SQL: given rows, expected rows, through the very path a run takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.errors import ContractError
from lakeworks.transform.sql import LANDING, load_sql, upstream


@dataclass(frozen=True)
class Example:
    """One example of a table; `str()` names it in test output."""

    table: str
    name: str
    period: str
    given: Mapping[str, Sequence[Mapping[str, Any]]]
    expect: Sequence[Mapping[str, Any]]
    quarantined: Sequence[Sequence[str]] = ()

    def __str__(self) -> str:
        """`silver.transport.trips: a trip is typed`."""
        return f"{self.table}: {self.name}"

    @property
    def expected(self) -> list[dict[str, Any]]:
        """The expected rows with every column, a column not named being null."""
        columns = load_contract(self.table).columns
        return [{name: normal(row.get(name)) for name in columns} for row in self.expect]


@dataclass(frozen=True)
class Outcome:
    """What an example gave."""

    rows: list[dict[str, Any]]
    quarantined: list[list[str]]


def load_examples(tables: Sequence[str] | None = None) -> list[Example]:
    """Every example of every table.

    Raises:
        ContractError: an examples file has another shape.
    """
    found = []
    for table in tables or all_tables():
        path: Path = load_contract(table).folder / "examples.yml"
        try:
            found += [
                Example(table=table, **{**item, "period": str(item["period"])})
                for item in yaml.safe_load(path.read_text())
            ]
        except (OSError, TypeError, KeyError, yaml.YAMLError) as error:
            raise ContractError(f"`{table}`: examples.yml is missing or has another shape: {error}") from error
    return found


def normal(value: Any) -> Any:
    """A value as YAML and Arrow agree on it."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return value
    return Decimal(str(value)) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value


def inputs(contract: Contract) -> list[str]:
    """What an example of the table has to give: its upstreams, or the landing file."""
    sql = load_sql(contract)
    if sql is None:
        return [LANDING]
    names = [str(name) for name in upstream(sql)]
    return [*names, LANDING] if contract.source else names
