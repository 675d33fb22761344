"""The contract: the rules for a table's data, read from `tables/<layer>/<domain>/<table>/contract.yml`.

Field names follow the Open Data Contract Standard (ODCS 3.x: version, status, description, team, required, primaryKey,
classification, logicalTypeOptions) where it has one. From this one file come the Arrow schema, the Glue columns, the
Great Expectations suite, the row rules and the documentation.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from lakeworks.contract.columns import Column, PartitionBy, RowRule, Section, TableCheck
from lakeworks.contract.parquet_settings import Storage
from lakeworks.contract.partitioning import Partitioning
from lakeworks.contract.references import check_problems, unknown_columns
from lakeworks.contract.sections import (
    Approval,
    Catalog,
    Engine,
    Freshness,
    InputRule,
    LateData,
    PlausibleTimes,
    Quarantine,
    Retention,
    SchemaPolicy,
)
from lakeworks.contract.serving import Serving, check_serving
from lakeworks.contract.storability import check_storable, partition_fault
from lakeworks.contract.validation import problems_of
from lakeworks.core.names import TableName, suggestion
from lakeworks.core.partition import Partition
from lakeworks.core.yaml_document import read_yaml
from lakeworks.errors import ContractError, Problem
from lakeworks.project import TABLES, current_project

if TYPE_CHECKING:
    import pyarrow as pa


class Contract(Partitioning, Section):
    """One table's contract; `name` comes from the folder and is written nowhere else."""

    name: str
    version: str = Field(
        pattern=r"^\d+\.\d+\.\d+$",
        description="Version of the contract. `lakeworks contract diff` shows which version a change needs.",
    )
    status: Literal["draft", "active", "deprecated"] = Field("active", description="Lifecycle status of the table.")
    description: str = Field(description="Meaning of one row.")
    team: str = Field(description="Team that is responsible for the table.")
    tags: tuple[str, ...] = Field((), description="Keywords for search.")
    grain: tuple[str, ...] = Field(
        description="Primary key: unique and not null; files are sorted by it (`storage.sort_by`)."
    )
    partition_by: tuple[PartitionBy, ...] = Field(
        (),
        description="Partitioning: `month`, `day` or `hour` of the run's period, `day(column)`, or a column. A column's "
        "values are then only in the path. With a date column, a run owns its own days (`date=2019-01-05`).",
    )
    source: str | None = Field(
        None,
        pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$",
        description="`<source>.<data set>` to fetch the table from. The SQL then reads `landing`.",
    )
    source_options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the requests to the source, such as symbols."
    )
    landing: Literal["newest", "all"] = Field(
        "newest",
        description="Fetches of a period that make up the table. newest: the newest complete fetch. all: every complete "
        "fetch with new content, for sources that return changes.",
    )
    schema_policy: SchemaPolicy = Field(
        "freeze",
        description="Policy for columns that differ from the contract. freeze: an error. add_nullable: columns may "
        "appear and disappear. widen: types may become wider too. quarantine_unknown: rows with unknown "
        "values are quarantined.",
    )
    deduplicate_by: tuple[str, ...] | None = Field(
        None, description="Order for duplicates: of rows with the same grain, the first stays (`column [desc]`)."
    )
    preserves_rows: str | None = Field(
        None, description="Upstream table; the transform must keep each of its rows exactly once."
    )
    look_back_periods: int = Field(
        0, ge=0, description="Number of earlier periods that the SQL reads from time-partitioned inputs."
    )
    late_data: LateData | None = Field(
        None, description="Late data: a run rebuilds the partitions to which the upstream's new rows belong."
    )
    may_empty: bool = Field(
        default=False,
        description="true: a category (`region=apac`) or period of the run that lost all its rows is published empty. "
        "false: the run stops. With `late_data`, use its own `may_empty`.",
    )
    inputs: dict[str, InputRule] = Field(default_factory=dict, description="Upstream tables with other reading rules.")
    columns: dict[str, Column] = Field(description="Every column by name, in the order of the files.")
    rows: tuple[RowRule, ...] = Field((), description="Rules for single rows; a row that breaks one is quarantined.")
    checks: tuple[TableCheck, ...] = Field(
        (), description="Checks of the staged rows as a whole, before they are published."
    )
    quarantine: Quarantine = Field(Quarantine(), description="Quarantined rows that a run tolerates.")
    plausible_times: PlausibleTimes = Field(
        PlausibleTimes(), description="Days that are valid for partitions; rows of other days are quarantined."
    )
    freshness: Freshness | None = Field(
        None, description="Age at which the table is late; without it, the table is never late."
    )
    approval: Approval | None = Field(
        None, description="Changes that wait for a person's approval; without it, an audit that passed is enough."
    )
    retention: Retention = Field(Retention(), description="Storage classes and expiry of published objects.")
    engine: Engine = Field(
        "duckdb",
        description="Engine that runs the SQL: duckdb, spark or athena. Rules, grain and masking do not depend on it.",
    )
    storage: Storage = Field(
        Storage(), description="Codec, encodings, order, row groups and layout of the Parquet objects."
    )
    catalog: Catalog = Field(Catalog(), description="Place in Glue: partition lookup, and an Iceberg table beside it.")

    serving: Serving | None = Field(None, description="Databases that serve the table's publications to applications.")

    @model_validator(mode="after")
    def _refer_to_existing_columns(self) -> "Contract":
        if problems := [*unknown_columns(self), *check_problems(self)]:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _fits_a_lake(self) -> "Contract":
        check_storable(self)
        check_serving(self)
        return self

    @model_validator(mode="after")
    def _project_only_time(self) -> "Contract":
        """Refuse projection of other values than years, months, days and hours: Athena would miss them, and nulls."""
        if not self.catalog.projection:
            return self
        if self.storage.layout == "versioned":
            raise ValueError(
                "catalog.projection needs `storage.layout: plain`: a versioned partition has no fixed place"
            )
        if not self.partition_by or self.identity_columns:
            raise ValueError(
                "catalog.projection needs a table that is partitioned by month, day or hour and nothing else"
            )
        if optional := [f.column for f in self.partition_by if f.column and not self.columns[f.column].required]:
            raise ValueError(
                f"catalog.projection: `{optional[0]}` must be `required: true`, a null would be in no partition"
            )
        return self

    @model_validator(mode="after")
    def _empties_partitions(self) -> "Contract":
        if self.may_empty and not self.partition_by:
            raise ValueError("`may_empty` needs `partition_by`: a table without partitions is replaced as a whole")
        return self

    @model_validator(mode="after")
    def _reads_published_tables(self) -> "Contract":
        if self.engine != "duckdb" and self.source:
            raise ValueError(
                f"`engine: {self.engine}` reads published tables; a table with `source` is built by duckdb"
            )
        return self

    @property
    def projected(self) -> bool:
        """Return True if Athena computes the table's partitions."""
        return self.catalog.projection

    @model_validator(mode="after")
    def _can_rebuild(self) -> "Contract":
        if self.late_data is None:
            return self
        if self.may_empty:
            raise ValueError("`may_empty` of a table with `late_data` belongs into that section: `late_data.may_empty`")
        reads = self.look_back_periods or any(rule.look_back_days for rule in self.inputs.values())
        if reads or self.preserves_rows or self.source:
            raise ValueError("`late_data` chooses the rows to read; remove `source`, `preserves_rows` and look-back")
        cut_by = [item.column for item in self.time_fields if item.column]
        if len(self.partition_by) != len(cut_by) or len(cut_by) > 1:
            raise ValueError("`late_data` needs one partition field like `day(created_at)`, or none")
        if bool(cut_by) != bool(self.late_data.partition_time):
            raise ValueError("`late_data.partition_time` goes with a partition field, and with nothing else")
        return self

    @property
    def table(self) -> TableName:
        """The parsed name."""
        return TableName.parse(self.name)

    @property
    def folder(self) -> Path:
        """Return the table's folder: contract, SQL and examples."""
        return current_project().tables / self.table.path

    def path_of(self, file: str) -> str:
        """Return a file of the table's folder as messages name it: its path from the project's root."""
        return f"{TABLES}/{self.table.path}/{file}"

    @property
    def file_columns(self) -> dict[str, Column]:
        """The columns inside the Parquet files, in order."""
        return {name: column for name, column in self.columns.items() if name not in self.identity_columns}

    def could_have(self, partition: Partition) -> bool:
        """Return whether the table can have such a partition (see `storability.partition_fault`)."""
        return partition_fault(self, partition) is None

    @property
    def arrow_schema(self) -> "pa.Schema":
        """The schema of every published file."""
        import pyarrow as pa

        return pa.schema([pa.field(name, column.type.arrow) for name, column in self.file_columns.items()])


def load_contract(name: str, root: Path | None = None) -> Contract:
    """Read a table's contract from the project, or from the folder of tables at `root`.

    Raises:
        ContractError: there is no such table, the YAML does not parse, or a field is wrong; names file and field.
    """
    return _load(name, root or current_project().tables)


@lru_cache(maxsize=4096)
def _load(name: str, root: Path) -> Contract:
    table = TableName.parse(name)
    path = root / table.path / "contract.yml"
    if not path.is_file():
        raise ContractError(
            f"There is no table `{name}` (no `{TABLES}/{path.relative_to(root)}`). {suggestion(name, all_tables(root))} "
            "Nothing was run. Every table: lakeworks tables"
        )
    return read_contract(path, name, f"{TABLES}/{path.relative_to(root)}")


def read_contract(path: Path, name: str, shown: str) -> Contract:
    """Read the contract of a table from a file, where it lies; errors call the file `shown`.

    Raises:
        ContractError: it cannot be read, the YAML does not parse, or a field is wrong; names file and field.
    """
    try:
        content = read_yaml(path)
        return Contract.model_validate({**content, "name": name})
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError.of([Problem(shown, "", f"cannot be read: {error}")]) from error
    except (yaml.YAMLError, TypeError) as error:
        raise ContractError.of(
            [Problem(shown, "", f"is not a YAML mapping: {' '.join(str(error).split())}")]
        ) from error
    except ValidationError as error:
        raise ContractError.of(problems_of(error, Contract, shown)) from error


def all_tables(root: Path | None = None) -> list[str]:
    """Return every table's name, by layer order then name; of the project, or of the folder at `root`."""
    root = root or current_project().tables
    order = {"reference": 0, "bronze": 1, "silver": 2, "gold": 3}
    names = (".".join(path.parent.relative_to(root).parts) for path in root.glob("*/*/*/contract.yml"))
    return sorted(names, key=lambda name: (order.get(name.split(".")[0], 9), name))
