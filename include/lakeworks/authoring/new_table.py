"""Files of a new table: a contract, SQL and an example that pass as they are and that its author then changes."""

import keyword
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from lakeworks.authoring.sample_file import Sample
from lakeworks.contract import Column, Contract, all_tables, load_contract
from lakeworks.core.lake_limits import name_fault
from lakeworks.core.names import TableName, suggestion
from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError
from lakeworks.project import current_project

_SOME_VALUES: Mapping[str, Any] = {
    "boolean": True, "string": "text", "date": "2019-01-05", "timestamp": "2019-01-05 10:30:00", "binary": None,
}  # fmt: skip
# Partitions by time with their keys, in the order of preference: a partition key has no name of a column.
_GRAINS = {"day": {"year", "month", "day"}, "month": {"year", "month"}}
_PERIODS = {"month": "2019-01", "day": "2019-01-05", "hour": "2019-01-05T10"}

# What every landed row has beside the source's own columns.
LINEAGE_COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "_ingested_at": {
        "type": "timestamp", "required": True, "description": "When the landed object was fetched; UTC.",
    },
    "_source_url": {"type": "string", "required": True, "description": "Address asked."},
    "_run_id": {"type": "string", "required": True, "description": "Run that landed it."},
}  # fmt: skip


def table_folder(name: str) -> Path:
    """Return the folder that a new table gets.

    Raises:
        ContractError: the name is none, is a word of Python or SQL, or the table is there already.
    """
    table = TableName.parse(name)
    if word := reserved_word(table):
        raise ContractError(
            f"`{name}`: `{word}` is a keyword of Python or SQL. Nothing was written. Choose another name."
        )
    folder = current_project().tables / table.path
    if folder.exists() and any(folder.iterdir()):
        raise ContractError(
            f"`{folder}` is there already. Nothing was written. Change its files, or choose another name."
        )
    return folder


def reserved_word(table: TableName) -> str | None:
    """Return the part of a name that Python cannot import or SQL cannot read without quotes; None if there is none."""
    return next((w for w in (table.domain, table.table) if keyword.iskeyword(w) or w in _words_of_sql()), None)


@lru_cache(maxsize=1)
def _words_of_sql() -> frozenset[str]:
    import duckdb

    with duckdb.connect() as connection:
        keywords = connection.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
        ).fetchall()
    return frozenset(word for (word,) in keywords)


def from_upstream(upstream: str) -> dict[str, str]:
    """Return the files of a table that has the columns, the grain and the partitions of another.

    Raises:
        ContractError: there is no such upstream table.
    """
    if upstream not in all_tables():
        raise ContractError(
            f"There is no table `{upstream}`. {suggestion(upstream, all_tables())} Nothing was written."
        )
    above = load_contract(upstream)
    columns = {key: column for key, column in above.columns.items() if not key.startswith("_")}
    document = {
        "version": "1.0.0",
        "description": f"Rows of {upstream}.",
        "team": above.team,
        "grain": [key for key in above.grain if key in columns],
        "partition_by": [str(field) for field in above.partition_by],
        "columns": {key: _column(column) for key, column in columns.items()},
    }
    row = {key: example_value(column.type) for key, column in columns.items()}
    example = {
        "name": "a row is taken as it is",
        "period": example_period(above),
        "given": {upstream: [row]},
        "expect": [row],
    }
    return {
        "contract.yml": contract_text(document),
        "transform.sql": select_text(above, columns),
        "examples.yml": example_text(example),
    }


def from_source(name: str, source: str, fields: Sample, recorded: tuple[str, str] | None = None) -> dict[str, str]:
    """Return the files of a table that takes a data set of a source as it is.

    Its example gives rows as they are read, or names a recorded answer (file name and content) that the source parses.

    Raises:
        ContractError: a column has a name that a table cannot have.
    """
    if faults := [f"`{key}` {fault}" for key in fields.types if (fault := name_fault(key))]:
        raise ContractError(f"A column of the sample {'; '.join(faults)}. Nothing was written. Rename it in the files.")
    taken = {key.lower() for key in fields.types}
    grain = next((grain for grain, keys in _GRAINS.items() if taken.isdisjoint(keys)), None)
    if grain is None:
        raise ContractError(
            "The sample has a column `year` or `month`, which are keys of every partition by time. Nothing was written. "
            "Rename it in the files."
        )
    document = {
        "version": "1.0.0",
        "description": f"Rows of {source} as they are received.",
        "team": TableName.parse(name).domain,
        "source": source,
        "grain": [],
        "partition_by": [grain],
        "schema_policy": "widen",
        "columns": {
            **{key: {"type": kind, "description": f"`{key}` as received."} for key, kind in fields.types.items()},
            **LINEAGE_COLUMNS,
        },
    }
    given = {"response": [{"file": recorded[0]}]} if recorded else {"landing": [fields.row]}
    example = {"name": "a row is taken as it is", "period": _PERIODS[grain], "given": given, "expect": [fields.row]}
    files = {"contract.yml": contract_text(document), "examples.yml": example_text(example)}
    return {**files, **({recorded[0]: recorded[1]} if recorded else {})}


def write_files(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write the files of a folder and return their paths; none if one of them is there already.

    Raises:
        ContractError: a file is there already, or the folder cannot be written.
    """
    paths = [folder / name for name in files]
    if taken := [path for path in paths if path.exists()]:
        raise ContractError(f"`{taken[0]}` is there already. Nothing was written.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            path.write_text(files[path.name], encoding="utf-8")
    except OSError as error:
        raise ContractError(
            f"`{folder}` cannot be written: {error.strerror}. Some of its files may be missing. Remove the "
            "folder, then run again."
        ) from error
    return paths


def _column(column: Column) -> dict[str, Any]:
    kept: dict[str, Any] = {"type": str(column.type)}
    kept |= {"required": True} if column.required else {}
    kept |= {"classification": column.classification} if column.classification != "public" else {}
    kept |= {"pii": True} if column.pii else {}
    return {**kept, "description": column.description}


def select_text(above: Contract, columns: Mapping[str, Column]) -> str:
    """Return transform.sql: the columns of another table by name; one that it does not have is NULL."""
    casts = ",\n".join(
        f"  CAST({name if name in above.columns else 'NULL'} AS {column.type.duckdb}) AS {name}"
        for name, column in columns.items()
    )
    return f"-- One row for each of {above.name}.\nSELECT\n{casts}\nFROM {above.table.sql}\n{_where(above)}"


def _where(above: Contract) -> str:
    """Return the WHERE clause for the rows of the run's period; empty if no column has a time."""
    timed = next((field.column for field in above.time_fields if field.column), None)
    return f"WHERE {timed} >= $partition_start AND {timed} < $partition_end\n" if timed else ""


def example_period(contract: Contract) -> str:
    """Return a period of the table's grain, a month for a table without one."""
    return _PERIODS[next((field.transform for field in contract.time_fields), "month")]


def example_value(kind: LakeType) -> Any:
    """Return some value of a type, as examples.yml writes it."""
    if kind.kind == "struct":
        return {name: example_value(inner) for name, inner in kind.members}
    if kind.kind == "list":
        return [example_value(kind.members[0][1])]
    if kind.kind == "map":
        return None
    return _SOME_VALUES.get(kind.kind, 1)


def contract_text(document: Mapping[str, Any]) -> str:
    """Return contract.yml: one column a line, as the shipped contracts are written."""
    columns: Mapping[str, Any] = document["columns"]
    head = {
        key: value
        for key, value in document.items()
        if (key != "columns" and value not in ([], None)) or key == "grain"
    }
    lines = [line for key, value in head.items() for line in _field(key, value)]
    return "\n".join([*lines, "columns:", *(f"  {name}: {_flow(column)}" for name, column in columns.items())]) + "\n"


def _field(key: str, value: Any) -> list[str]:
    """Return the lines of a field: one line for each rule or check, every other field on one line."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return _rows(f"{key}:", value, "  ")
    return [_flow({key: value})[1:-1]]


def example_text(example: Mapping[str, Any]) -> str:
    """Return examples.yml with one example."""
    lines = [f"- name: {example['name']}", f"  period: {example['period']}", "  given:"]
    for table, rows in example["given"].items():
        lines += _rows(f"    {table}:", rows, "      ")
    return "\n".join([*lines, *_rows("  expect:", example["expect"], "    ")]) + "\n"


class _ExactDumper(yaml.SafeDumper):
    """YAML that writes a decimal with all its digits, as a plain number."""


_ExactDumper.add_representer(
    Decimal, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", format(value, "f"))
)


def _rows(key: str, rows: Sequence[Any], indent: str) -> list[str]:
    return [key, *(f"{indent}- {_flow(row)}" for row in rows)] if rows else [f"{key} []"]


def _flow(value: Any) -> str:
    options: dict[str, Any] = {"default_flow_style": True, "sort_keys": False, "allow_unicode": True, "width": 10_000}
    text: str = yaml.dump(value, Dumper=_ExactDumper, **options)
    return text.strip().replace("'2019-01-05 10:30:00'", "2019-01-05 10:30:00").replace("'2019-01-05'", "2019-01-05")
