"""Snowflake statements that read a table where it is: integration, stage, file format, external table. They hold no key.

Names are upper case in quotes: what Snowflake makes of a plain name, so a query needs no quotes and no word is reserved.
"""

import re
from collections.abc import Iterator
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
            "read them. Nothing was printed. Export it, or read it as an Iceberg table if the contract registers one."
        )
    return "\n\n".join(f"{statement};" for statement in _statements(contract, place)) + "\n"


def snowflake_type(kind: LakeType) -> str:
    """Return Snowflake's name of a type; lists, structs and maps are VARIANT."""
    if kind.kind == "decimal":
        return f"NUMBER({kind.precision}, {kind.scale})"
    return _NAMES.get(kind.kind, "VARIANT")


def _statements(contract: Contract, place: SnowflakePlace) -> Iterator[str]:
    schema, table = (_quoted(part) for part in (contract.table.database, contract.table.table))
    integration, hidden = _quoted(place.integration), [n for n, c in contract.columns.items() if c.protected]
    stage, form = (_quoted(f"{contract.table.table}_{suffix}") for suffix in ("stage", "parquet"))
    outside = _quoted(f"{contract.table.table}_files") if hidden else table
    yield (
        f"CREATE STORAGE INTEGRATION IF NOT EXISTS {integration}\n"
        "  TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE\n"
        f"  STORAGE_AWS_ROLE_ARN = {_text(place.role)}\n  STORAGE_ALLOWED_LOCATIONS = ({_text(place.location)})"
    )
    yield f"CREATE SCHEMA IF NOT EXISTS {schema}"
    yield f"CREATE FILE FORMAT IF NOT EXISTS {schema}.{form}\n  TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE"
    yield (
        f"CREATE STAGE IF NOT EXISTS {schema}.{stage}\n  URL = {_text(place.location)} STORAGE_INTEGRATION = {integration}\n"
        f"  FILE_FORMAT = (FORMAT_NAME = {schema}.{form})"
    )
    yield _external_table(contract, f"{schema}.{outside}", f"{schema}.{stage}", f"{schema}.{form}")
    if hidden:
        shown = [name for name in contract.columns if name not in hidden]
        names = [
            *(_quoted(_period_column(item)) for item in contract.partition_by if item.is_time),
            *map(_quoted, shown),
        ]
        yield (
            f"CREATE OR REPLACE SECURE VIEW {schema}.{table}\n  COMMENT = {_text(contract.description)}\n"
            f"AS SELECT {', '.join(names)}\nFROM {schema}.{outside}"
        )


def _external_table(contract: Contract, name: str, stage: str, form: str) -> str:
    keys = {str(item.column) for item in contract.partition_by if not item.is_time}
    parts = [_period(item) if item.is_time else _category(contract, item) for item in contract.partition_by]
    columns = [_column(key, column) for key, column in contract.columns.items() if key not in keys]
    by = [_quoted(_period_column(item) if item.is_time else str(item.column)) for item in contract.partition_by]
    clause = f"PARTITION BY ({', '.join(by)})\n" if by else ""
    body = ",\n  ".join([*parts, *columns])
    return (
        f"CREATE OR REPLACE EXTERNAL TABLE {name} (\n  {body}\n)\n{clause}LOCATION = @{stage}\n"
        f"PATTERN = '.*[.]parquet'\nFILE_FORMAT = (FORMAT_NAME = {form})\nAUTO_REFRESH = FALSE\n"
        f"COMMENT = {_text(contract.description)}"
    )


def _column(name: str, column: Column) -> str:
    kind = snowflake_type(column.type)
    return f'{_quoted(name)} {kind} AS (VALUE:"{name}"::{kind}) COMMENT {_text(column.description)}'


def _period(item: PartitionField) -> str:
    """Return the column with the begin of a partition, read from the path."""
    year, month, day, hour = (_value(key) if key in item.keys else "1" for key in ("year", "month", "day", "hour"))
    if item.transform == "hour":
        moment = f"TIMESTAMP_NTZ_FROM_PARTS({year}::INT, {month}::INT, {day}::INT, {hour}::INT, 0, 0)"
        return f"{_quoted(_period_column(item))} TIMESTAMP_NTZ AS ({moment})"
    return f"{_quoted(_period_column(item))} DATE AS (DATE_FROM_PARTS({year}::INT, {month}::INT, {day}::INT))"


def _period_column(item: PartitionField) -> str:
    return f"partition_{item.transform}"


def _category(contract: Contract, item: PartitionField) -> str:
    name = str(item.column)
    kind = snowflake_type(contract.columns[name].type)
    return f"{_quoted(name)} {kind} AS (NULLIF({_value(name)}, {_text(HIVE_NULL)})::{kind})"


def _value(key: str) -> str:
    """Return the expression for a key's value in an object's path."""
    return f"SPLIT_PART(SPLIT_PART({_FILE}, {_text(f'/{key}=')}, 2), '/', 1)"


def _quoted(name: str) -> str:
    return f'"{name.upper()}"'


def _text(value: str) -> str:
    r"""Return a literal. Snowflake reads `\` as an escape."""
    plain = " ".join(value.split()).replace("\\", "\\\\").replace("'", "''")
    return f"'{plain}'"
