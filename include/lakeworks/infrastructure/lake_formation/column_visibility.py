"""Columns that a reader may see, from the contract of a table."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from lakeworks.contract import Contract
from lakeworks.contract.columns import Column
from lakeworks.contract.object_tags import CLASSES
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lake_formation.config import Reader


def tables_of(reader: Reader, contracts: Sequence[Contract]) -> Iterator[Contract]:
    """Yield the tables of a reader."""
    return (one for one in contracts if any(fnmatchcase(one.name, pattern) for pattern in reader.tables))


def visible_columns(reader: Reader, contract: Contract, there: Sequence[str]) -> tuple[str, ...]:
    """Return those of the columns in Glue that the reader may see. A column that the contract lacks is withheld.

    A column that only cuts the table into folders (`year`) shows a part of the columns it comes from.
    """
    withheld = {name.rpartition(".")[2] for name in reader.withhold if name.rpartition(".")[0] == contract.name}

    def is_visible(name: str, column: Column | None) -> bool:
        if column is None:
            return name in contract.partition_keys and all(
                is_visible(field.column, contract.columns.get(field.column))
                for field in contract.partition_by
                if field.column and name in field.keys
            )
        return (
            name not in withheld
            and (reader.personal_data or not column.pii)
            and CLASSES.index(column.classification) <= CLASSES.index(reader.classification)
        )

    return tuple(name for name in there if is_visible(name, contract.columns.get(name)))


def check_readers(readers: Sequence[Reader], contracts: Sequence[Contract]) -> None:
    """Refuse readers of what no contract has.

    Raises:
        ConfigError: a pattern names no table, or a withheld column does not exist.
    """
    columns = {f"{one.name}.{column}" for one in contracts for column in one.columns}
    for reader in readers:
        for pattern in reader.tables:
            if not any(fnmatchcase(one.name, pattern) for one in contracts):
                raise ConfigError(
                    f"lake.yml: reader `{reader.name}` names `{pattern}`, and no table has that name. Nothing was changed. "
                    "Correct `lake_formation.readers`."
                )
        for name in reader.withhold:
            if name not in columns:
                raise ConfigError(
                    f"lake.yml: reader `{reader.name}` withholds `{name}`, and no contract has that column. Nothing was "
                    "changed. Write <layer>.<domain>.<table>.<column> in `lake_formation.readers`."
                )


def check_grants(config: LakeConfig, contracts: Sequence[Contract]) -> None:
    """Refuse a grant that opens a whole table to a reader of some of its columns: AWS joins the two.

    Raises:
        ConfigError: lake.yml has such a grant.
    """
    for reader in config.lake_formation.readers if config.lake_formation else ():
        names = {(one.table.database, one.table.table) for one in tables_of(reader, contracts)}
        for grant in config.grants:
            is_wide = (
                grant.table and {"ALL", "SELECT"} & set(grant.permissions) and grant.principal in reader.principals
            )
            if is_wide and any(grant.database == database and grant.table in ("*", table) for database, table in names):
                raise ConfigError(
                    f"lake.yml: `grants` give `{grant.principal}` {grant.database}.{grant.table} whole, and reader "
                    f"`{reader.name}` only some of its columns. AWS joins the two, so the filter would hide nothing. Nothing "
                    "was changed. Remove one of them."
                )
