"""Examples beside the SQL: given rows, expected rows, built by the same code as a run.

A key that names no table or column is an error, because an unread example proves nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.names import suggestion
from lakeworks.core.partition import Period
from lakeworks.core.types import LakeType
from lakeworks.core.yaml_document import read_yaml
from lakeworks.errors import ContractError, PartitionKeyError, Problem
from lakeworks.transform.sql import LANDING, load_sql, read_columns, upstream

# `given.response` names recorded answers of the source, which its `parse` reads: a list of {file, facts, status}.
RESPONSE = "response"
FIELDS = ("name", "period", "given", "expect", "quarantined")
WHOLE, REAL = ("tinyint", "smallint", "int", "bigint"), ("float", "double")


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
        """Return the expected rows with every column. A column that the example does not name is null."""
        columns = load_contract(self.table).columns
        return [{name: normal(row.get(name)) for name in columns} for row in self.expect]


@dataclass(frozen=True)
class ExampleOutcome:
    """Rows that an example produced."""

    rows: list[dict[str, Any]]
    quarantined: list[list[str]]


def load_examples(tables: Sequence[str] | None = None) -> list[Example]:
    """Return every example of every table.

    Raises:
        ContractError: an examples file is malformed, or names a table, column, rule or value that does not exist. The
        message has one line per problem.
    """
    return [example for table in tables or all_tables() for example in read_examples(load_contract(table))]


def read_examples(
    contract: Contract, load: Callable[[str], Contract] = load_contract, path: Path | None = None
) -> list[Example]:
    """Return the examples of one table, from its folder unless `path` names another file.

    Raises:
        ContractError: as `load_examples`.
    """
    path = path or contract.folder / "examples.yml"
    shown = contract.path_of("examples.yml")
    try:
        items = read_yaml(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContractError.of([Problem(shown, "", f"cannot be read: {' '.join(str(error).split())}")]) from error
    if problems := [Problem(shown, "", text) for text in example_problems(contract, items, load)]:
        raise ContractError.of(problems)
    return [Example(table=contract.name, **{**item, "period": str(item["period"])}) for item in items]


def normal(value: Any) -> Any:
    """Return a value in a form in which YAML's and Arrow's values compare."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return value
    return Decimal(str(value)) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value


def typed(kind: LakeType, value: Any) -> Any:
    """Return an example's value in the form that Arrow takes for a column of this type."""
    value = normal(value)
    if kind.kind in (*WHOLE, *REAL) and isinstance(value, Decimal):
        return int(value) if kind.kind in WHOLE else float(value)
    return value


def check_value(kind: LakeType, value: Any) -> None:
    """Check that a column of this type can have an example's value.

    Raises:
        ValueError: it cannot, or a struct has an unknown member, which Arrow would drop silently.
    """
    import pyarrow as pa

    if kind.kind in (*WHOLE, *REAL) and (
        isinstance(value, bool | str) or (kind.kind in WHOLE and value != typed(kind, value))
    ):
        raise ValueError(f"`{value}` is no {kind}")
    members = dict(kind.members)
    if kind.kind == "struct" and isinstance(value, Mapping):
        if unknown := [name for name in value if name not in members]:
            raise ValueError(f"`{unknown[0]}` is no member of {kind}. {suggestion(str(unknown[0]), members)}")
        for name, inner in value.items():
            check_value(members[name], inner)
    elif kind.kind == "list" and isinstance(value, list):
        for inner in value:
            check_value(members["item"], inner)
    else:
        try:
            pa.scalar(typed(kind, value), kind.arrow)
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
            raise ValueError(f"`{value}` is no {kind}") from error


def inputs(contract: Contract) -> list[str]:
    """Return the inputs that an example of the table must give: its upstreams, or the landing file."""
    sql = load_sql(contract)
    if sql is None:
        return [LANDING]
    names = [str(name) for name in upstream(sql)]
    return [*names, LANDING] if contract.source else names


def example_problems(contract: Contract, items: Any, load: Callable[[str], Contract] = load_contract) -> Iterator[str]:
    """Yield every problem of a parsed examples file, one line each."""
    if not isinstance(items, list) or not items:
        yield "the file is a list of examples (`- name: …`) with at least one"
        return
    names = [item.get("name") for item in items if isinstance(item, dict)]
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            yield f"example {number} is no mapping of {', '.join(FIELDS)}"
            continue
        name = item.get("name", number)
        if names.count(name) > 1 and names.index(name) == number - 1:
            yield f"example `{name}`: the name is used {names.count(name)} times"
        yield from (f"example `{name}`: {text}" for text in _problems_of_one(contract, item, load))


def _problems_of_one(contract: Contract, item: Mapping[str, Any], load: Callable[[str], Contract]) -> Iterator[str]:
    for field in item:
        if field not in FIELDS:
            yield f"`{field}` is no field of an example. {suggestion(str(field), FIELDS)}"
    for field in FIELDS[:4]:
        if field not in item:
            yield f"`{field}` is missing"
    try:
        Period.parse(str(item.get("period", "2019-01")))
    except PartitionKeyError as error:
        yield f"`period`: {error}"
    given, known = item.get("given", {}), inputs(contract)
    known += [RESPONSE] if known == [LANDING] else []
    if not isinstance(given, Mapping):
        yield "`given` is no mapping of tables to rows"
        given = {}
    for table, rows in given.items():
        if table == RESPONSE and table in known:
            yield from _response_problems(contract, rows)
        elif table not in known:
            yield f"`given.{table}`: `{contract.name}` does not read this table. {suggestion(str(table), known)}"
        else:
            types = _landed_types(contract) if table == LANDING else _types(load(table))
            yield from _row_problems(f"given.{table}", rows, types)
    yield from _row_problems("expect", item.get("expect", []), _types(contract))


def _response_problems(contract: Contract, items: Any) -> Iterator[str]:
    known = ("file", "facts", "status")
    for item in items if isinstance(items, list) else [items]:
        if not isinstance(item, Mapping) or "file" not in item:
            yield f"`given.response` is a list of recorded answers: `- {{file: answer.json}}`, not `{item}`"
            continue
        for field in item:
            if field not in known:
                yield f"`given.response`: `{field}` is no field of a recorded answer. {suggestion(str(field), known)}"
        if not (contract.folder / str(item["file"])).is_file():
            yield f"`given.response`: there is no file `{item['file']}` in the table's folder"


def _types(contract: Contract) -> dict[str, LakeType | None]:
    return {name: column.type for name, column in contract.columns.items()}


def _landed_types(contract: Contract) -> dict[str, LakeType | None] | None:
    """Return the columns of a landed file that the table reads, of any type; None if it reads all (`SELECT *`)."""
    sql = load_sql(contract)
    names = list(contract.columns) if sql is None else read_columns(sql)
    return None if names is None else dict.fromkeys(names)


def _row_problems(place: str, rows: Any, types: Mapping[str, LakeType | None] | None) -> Iterator[str]:
    if not isinstance(rows, list):
        yield f"`{place}` is no list of rows (`[]` for none)"
        return
    exact = {name.lower(): name for name in types or ()}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            yield f"`{place}` row {number} is no mapping of columns to values"
            continue
        for column, value in row.items():
            kind = (types or {}).get(column)
            if (
                types is not None
                and column not in types
                and (place != f"given.{LANDING}" or column.lower() not in exact)
            ):
                yield f"`{place}` row {number}: there is no column `{column}`. {suggestion(str(column), types)}"
            elif kind is not None:
                yield from _value_problem(f"`{place}` row {number}: `{column}`", kind, value)


def _value_problem(place: str, kind: LakeType, value: Any) -> Iterator[str]:
    try:
        check_value(kind, value)
    except ValueError as error:
        yield f"{place}: {error}"
