"""Snowflake statements that read a table where it is: integration, stage, file format, external table. They hold no key.

Names are upper case in quotes: what Snowflake makes of a plain name, so a query needs no quotes and no word is reserved.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lakeworks.contract import Column, Contract
from lakeworks.core.hive import HIVE_NULL
from lakeworks.core.partition import PartitionField
from lakeworks.core.types import LakeType
from lakeworks.errors import ConfigError

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_NAME = re.compile(r"[A-Za-z_]\w{0,200}")
_NAMES = {
    "boolean": "BOOLEAN",
    "tinyint": "NUMBER(3, 0)",
    "smallint": "NUMBER(5, 0)",
    "int": "NUMBER(10, 0)",
    "bigint": "NUMBER(19, 0)",
    "float": "FLOAT",
    "double": "FLOAT",
    "string": "VARCHAR",
    "binary": "BINARY",
    "date": "DATE",
    "timestamp": "TIMESTAMP_NTZ(6)",
}
_FILE = "METADATA$FILENAME"


@dataclass(frozen=True)
class SnowflakePlace:
    """The role that Snowflake takes on, the name of the storage integration, and the table's address on S3."""

    role: str
    integration: str
    location: str

    @property
    def account(self) -> str:
        """The role's AWS account."""
        return self.role.split(":")[4]

    def __post_init__(self) -> None:
        if not _ROLE.fullmatch(self.role):
            raise ConfigError(
                f"--role `{self.role}` is no role. Nothing was printed. Give arn:aws:iam::<account>:role/<name>; keys do not "
                "belong into SQL."
            )
        if not _NAME.fullmatch(self.integration):
            raise ConfigError(
                f"--integration `{self.integration}` is no name. Nothing was printed. Use letters, digits and _."
            )


def snowflake_statements(contract: Contract, place: SnowflakePlace) -> str:
    """Return the statements, in the order to run them.

    Raises:
        ConfigError: an external table would read superseded objects too.
    """
    if contract.storage.layout == "versioned":
        raise ConfigError(
            f"`{contract.name}` has layout `versioned`: its prefix also holds superseded objects, and an external table would "
            "read them. Nothing was printed. Export it, or add `catalog: {iceberg: true}` to the contract."
        )
    return "\n\n".join(f"{statement};" for statement in _statements(contract, place)) + "\n"


def snowflake_type(kind: LakeType) -> str:
    """Return Snowflake's name of a type; lists, structs and maps are VARIANT."""
    if kind.kind == "decimal":
        return f"NUMBER({kind.precision}, {kind.scale})"
    return _NAMES.get(kind.kind, "VARIANT")


def _statements(contract: Contract, place: SnowflakePlace) -> Iterator[str]:
    schema, table = (quoted(part) for part in (contract.table.database, contract.table.table))
    integration, hidden = quoted(place.integration), protected(contract)
    stage, form = (quoted(f"{contract.table.table}_{suffix}") for suffix in ("stage", "parquet"))
    outside = quoted(f"{contract.table.table}_files") if hidden else table
    yield (
        f"CREATE STORAGE INTEGRATION IF NOT EXISTS {integration}\n"
        "  TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE\n"
        f"  STORAGE_AWS_ROLE_ARN = {literal(place.role)}\n  STORAGE_ALLOWED_LOCATIONS = ({literal(place.location)})"
    )
    yield f"CREATE SCHEMA IF NOT EXISTS {schema}"
    yield f"CREATE FILE FORMAT IF NOT EXISTS {schema}.{form}\n  TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE"
    yield (
        f"CREATE STAGE IF NOT EXISTS {schema}.{stage}\n  URL = {literal(place.location)} STORAGE_INTEGRATION = {integration}\n"
        f"  FILE_FORMAT = (FORMAT_NAME = {schema}.{form})"
    )
    yield _external_table(contract, f"{schema}.{outside}", f"{schema}.{stage}", f"{schema}.{form}")
    if hidden:
        periods = [_period_column(item) for item in contract.partition_by if item.is_time]
        yield view_without_protected(contract, f"{schema}.{outside}", periods)


def protected(contract: Contract) -> list[str]:
    """Return the columns that readers do not get."""
    return [name for name, column in contract.columns.items() if column.protected]


def view_without_protected(contract: Contract, source: str, more: Iterable[str] = ()) -> str:
    """Return the secure view that has the table's own name, and `more` columns of its source first."""
    shown = [name for name, column in contract.columns.items() if not column.protected]
    name = f"{quoted(contract.table.database)}.{quoted(contract.table.table)}"
    return (
        f"CREATE OR REPLACE SECURE VIEW {name}\n  COMMENT = {literal(contract.description)}\n"
        f"AS SELECT {', '.join(map(quoted, [*more, *shown]))}\nFROM {source}"
    )


def _external_table(contract: Contract, name: str, stage: str, form: str) -> str:
    keys = {str(item.column) for item in contract.partition_by if not item.is_time}
    parts = [_period(item) if item.is_time else _category(contract, item) for item in contract.partition_by]
    columns = [_column(key, column) for key, column in contract.columns.items() if key not in keys]
    by = [quoted(_period_column(item) if item.is_time else str(item.column)) for item in contract.partition_by]
    clause = f"PARTITION BY ({', '.join(by)})\n" if by else ""
    body = ",\n  ".join([*parts, *columns])
    return (
        f"CREATE OR REPLACE EXTERNAL TABLE {name} (\n  {body}\n)\n{clause}LOCATION = @{stage}\n"
        f"PATTERN = '.*[.]parquet'\nFILE_FORMAT = (FORMAT_NAME = {form})\nAUTO_REFRESH = FALSE\n"
        f"COMMENT = {literal(contract.description)}"
    )


def _column(name: str, column: Column) -> str:
    kind = snowflake_type(column.type)
    return f'{quoted(name)} {kind} AS (VALUE:"{name}"::{kind}) COMMENT {literal(column.description)}'


def _period(item: PartitionField) -> str:
    """Return the column with the begin of a partition, read from the path."""
    year, month, day, hour = (_value(key) if key in item.keys else "1" for key in ("year", "month", "day", "hour"))
    if item.transform == "hour":
        moment = f"TIMESTAMP_NTZ_FROM_PARTS({year}::INT, {month}::INT, {day}::INT, {hour}::INT, 0, 0)"
        return f"{quoted(_period_column(item))} TIMESTAMP_NTZ AS ({moment})"
    return f"{quoted(_period_column(item))} DATE AS (DATE_FROM_PARTS({year}::INT, {month}::INT, {day}::INT))"


def _period_column(item: PartitionField) -> str:
    return f"partition_{item.transform}"


def _category(contract: Contract, item: PartitionField) -> str:
    name = str(item.column)
    kind = snowflake_type(contract.columns[name].type)
    return f"{quoted(name)} {kind} AS (NULLIF({_value(name)}, {literal(HIVE_NULL)})::{kind})"


def _value(key: str) -> str:
    """Return the expression for a key's value in an object's path."""
    return f"SPLIT_PART(SPLIT_PART({_FILE}, {literal(f'/{key}=')}, 2), '/', 1)"


def quoted(name: str) -> str:
    """Return a name as Snowflake stores it without quotes."""
    return f'"{name.upper()}"'


def literal(value: str) -> str:
    r"""Return a literal. Snowflake reads `\` as an escape."""
    plain = " ".join(value.split()).replace("\\", "\\\\").replace("'", "''")
    return f"'{plain}'"
