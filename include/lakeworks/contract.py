"""The contract: what is true of a table's data, read from `tables/<layer>/<domain>/<table>/contract.yml`.

Field names follow the Open Data Contract Standard (ODCS 3.x: version, status, description, team, required, primaryKey,
classification, logicalTypeOptions) wherever it has one. From this one file come the Arrow schema, the Glue columns, the
Great Expectations suite, the row rules and the documentation.
"""

from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    model_validator,
)

from lakeworks.constraints import (
    allowed_value,
    check_columns,
    check_pattern,
    check_value,
    condition_columns,
    exact_number,
)
from lakeworks.errors import ContractError
from lakeworks.names import TableName
from lakeworks.partition import PartitionField
from lakeworks.types import LakeType

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = Path(__file__).parent / "tables"
Severity = Literal["error", "warn"]
# freeze: any difference is an error; add_nullable: columns may come and go; widen: and types may change without loss;
# quarantine_unknown: rows with a value the contract has no column or no type for are set aside, the others go on.
SchemaPolicy = Literal["freeze", "add_nullable", "widen", "quarantine_unknown"]


def _parse_type(value: Any) -> LakeType:
    if isinstance(value, LakeType):
        return value
    try:
        return LakeType.parse(str(value))
    except ContractError as error:  # pydantic reports ValueErrors with the place in the file
        raise ValueError(str(error)) from error


def _parse_field(value: Any) -> PartitionField:
    if isinstance(value, PartitionField):
        return value
    try:
        return PartitionField.parse(str(value))
    except ContractError as error:
        raise ValueError(str(error)) from error


ColumnType = Annotated[LakeType, PlainValidator(_parse_type), PlainSerializer(str)]
PartitionBy = Annotated[PartitionField, PlainValidator(_parse_field), PlainSerializer(str)]


def _parse_pattern(text: str) -> str:
    check_pattern(text)
    return text


Limit = Annotated[int | Decimal, PlainValidator(exact_number)]
Allowed = Annotated[str | bool | int | Decimal, PlainValidator(allowed_value)]
Pattern = Annotated[str, AfterValidator(_parse_pattern)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Column(_Part):
    """One column. A row whose value breaks `required`, `minimum`, `maximum`, `allowed` or `pattern` is quarantined."""

    type: ColumnType
    description: str
    required: bool = False
    minimum: Limit | None = None
    maximum: Limit | None = None
    allowed: tuple[Allowed, ...] | None = None
    pattern: Pattern | None = None
    classification: Literal["public", "internal", "confidential", "restricted"] = "public"
    pii: bool = False
    masking: Literal["salted_sha256"] | None = Field(
        None, description="Applied to the transform's value before rules look at it and anything is stored."
    )

    @model_validator(mode="after")
    def _mask_text_only(self) -> "Column":
        if self.masking and self.type.kind != "string":
            raise ValueError(f"`masking` works on text; this column is {self.type}")
        return self

    @model_validator(mode="after")
    def _rules_fit_the_type(self) -> "Column":
        named = [
            ("minimum", self.minimum),
            ("maximum", self.maximum),
            *(("allowed", item) for item in self.allowed or ()),
        ]
        for field, value in named:
            if value is not None:
                check_value(self.type, value, field)
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        if self.pattern is not None and self.type.kind != "string":
            raise ValueError(f"pattern: a column of type {self.type} has none")
        return self


class RowRule(_Part):
    """SQL that must be true for a row to be published (null counts as broken); otherwise it goes to quarantine."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    sql: str
    reason: str


class TableCheck(_Part):
    """A Great Expectations expectation on the staged rows as a whole."""

    expectation: str = Field(pattern=r"^expect_[a-z0-9_]+$")
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: Severity = "error"
    description: str = ""

    @property
    def columns(self) -> set[str]:
        """The columns a check looks at; empty for one about the table as a whole."""
        named: set[str] = set()
        for key, value in self.kwargs.items():
            if key in ("column", "column_A", "column_B"):
                named.add(str(value))
            if key in ("column_list", "column_set") and not self.expectation.startswith("expect_table_"):
                named |= {str(item) for item in value}
            if key == "row_condition":
                named |= condition_columns(str(value))
        return named


class Quarantine(_Part):
    """How many broken rows a run tolerates before it stops instead of publishing the rest."""

    limit: float = Field(0.2, ge=0, le=1, description="Share of the rows read.")


class Rebuilds(_Part):
    """Late data: what arrived upstream in a run's period says which partitions the run builds anew, each of them whole.

    Without it a run owns the partitions inside its own period. See docs/adr/0009-touched-partitions.md.
    """

    touched_by: str = Field(description="The upstream table whose arrivals are looked at.")
    dated_by: str | None = Field(
        None, description="SQL over one of its rows: the time that `partition_by` cuts the row's own partition by."
    )
    max_partitions: int = Field(400, ge=1, description="A run that touches more stops and changes nothing.")
    margin_days: int = Field(
        0, ge=0, description="How far the upstream's own partition may lie from `dated_by`, as with local dates."
    )
    may_empty: bool = Field(
        default=False, description="Whether a partition that has no rows any more is published empty, or stops the run."
    )


class Freshness(_Part):
    """How old the newest published partition may be (ODCS slaProperties `latency`)."""

    max_age_hours: float = Field(gt=0)


class Retention(_Part):
    """When data moves to a colder storage class or expires; days since the object was written."""

    glacier_ir_after_days: int | None = Field(None, ge=1)
    deep_archive_after_days: int | None = Field(None, ge=1)
    expire_after_days: int | None = Field(None, ge=1)


class Storage(_Part):
    """How the Parquet objects are written."""

    compression: Literal["zstd", "snappy", "none"] = "zstd"
    compression_level: int | None = None
    row_group_rows: int = Field(500_000, ge=1)
    max_partitions: int = Field(2_000, ge=1, description="More in one run is refused as a partition explosion.")
    layout: Literal["plain", "versioned"] = Field(
        "plain",
        description="plain: one object a partition at a fixed path. versioned: immutable objects under `_versions/`, cut at "
        "`target_bytes`; readers go through catalog or ledger, there is no plain path and no partition projection.",
    )
    target_bytes: int = Field(256 << 20, ge=1, description="Size at which a versioned partition gets another object.")


class InputRule(_Part):
    """How much of an upstream table a run reads; without one: the run's own period, which must be published."""

    look_back_days: int = Field(
        0, ge=0, description="Also the partitions of so many days before, whatever the run's grain."
    )
    whole: bool = Field(False, description="Every partition: for small tables of events.")
    optional: bool = Field(False, description="Reads as empty where nothing is published.")


class Catalog(_Part):
    """How the table is found in Glue."""

    projection: bool = Field(
        default=False, description="Athena computes the partitions instead of asking Glue; tables cut by time only."
    )


class Contract(_Part):
    """One table's contract; `name` comes from the folder and is written nowhere else."""

    name: str
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    status: Literal["draft", "active", "deprecated"] = "active"
    description: str
    team: str
    tags: tuple[str, ...] = ()
    grain: tuple[str, ...] = Field(description="Primary key: unique and not null; published files are sorted by it.")
    partition_by: tuple[PartitionBy, ...] = ()
    source: str | None = Field(None, pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")
    source_options: dict[str, Any] = Field(default_factory=dict, description="What the source is asked for (symbols).")
    landing: Literal["newest", "all"] = Field(
        "newest",
        description="Which complete fetches of a period make the table: the newest, or all that brought something new, for a "
        "source of changes, which shows an object only once however often it changed.",
    )
    schema_policy: SchemaPolicy = "freeze"
    deduplicate_by: tuple[str, ...] | None = Field(
        None, description="Of rows with the same grain the first in this order stays (`column [desc]`)."
    )
    preserves_rows: str | None = Field(None, description="Upstream table each of whose rows the transform keeps once.")
    look_back_periods: int = Field(0, ge=0, description="Earlier periods of time-partitioned inputs the SQL reads.")
    rebuilds: Rebuilds | None = None
    inputs: dict[str, InputRule] = Field(default_factory=dict, description="Upstream tables read in another way.")
    columns: dict[str, Column]
    rows: tuple[RowRule, ...] = ()
    checks: tuple[TableCheck, ...] = ()
    quarantine: Quarantine = Quarantine()
    freshness: Freshness | None = None
    retention: Retention = Retention()
    storage: Storage = Storage()
    catalog: Catalog = Catalog()

    @model_validator(mode="after")
    def _refer_to_existing_columns(self) -> "Contract":
        named = [*self.grain, *(field.column for field in self.partition_by if field.column)]
        named += [entry.split()[0] for entry in self.deduplicate_by or ()]
        if missing := sorted({name for name in named if name not in self.columns}):
            raise ValueError(f"grain, partition_by or deduplicate_by name no column: {', '.join(missing)}")
        if optional := [name for name in self.grain if not self.columns[name].required]:
            raise ValueError(f"grain columns must be `required: true`: {', '.join(optional)}")
        lowered = [name.lower() for name in self.columns]
        if len(set(lowered)) != len(lowered):
            raise ValueError("two columns differ only in case: Glue and Athena cannot tell them apart")
        for number, check in enumerate(self.checks):
            try:
                check_columns(check.columns, self.file_columns)
                for pattern in [check.kwargs.get("regex"), *check.kwargs.get("regex_list", ())]:
                    check_pattern(str(pattern or ""))
            except ValueError as error:
                raise ValueError(f"`checks.{number}` ({check.expectation}): {error}") from error
        return self

    @model_validator(mode="after")
    def _project_only_time(self) -> "Contract":
        """Athena can count through years, months, days and hours; it would not see any other value, nor a null."""
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

    @property
    def projected(self) -> bool:
        """Whether Athena computes the table's partitions."""
        return self.catalog.projection

    @model_validator(mode="after")
    def _can_rebuild(self) -> "Contract":
        if self.rebuilds is None:
            return self
        reads = self.look_back_periods or any(rule.look_back_days for rule in self.inputs.values())
        if reads or self.preserves_rows or self.source:
            raise ValueError("`rebuilds` decides what is read: no `source`, `preserves_rows` or look-back with it")
        cut_by = [item.column for item in self.partition_by if item.transform != "identity" and item.column]
        if len(self.partition_by) != len(cut_by) or len(cut_by) > 1:
            raise ValueError("`rebuilds` needs one partition field like `day(created_at)`, or none")
        if bool(cut_by) != bool(self.rebuilds.dated_by):
            raise ValueError("`rebuilds.dated_by` goes with a partition field, and with nothing else")
        return self

    @property
    def table(self) -> TableName:
        """The parsed name."""
        return TableName.parse(self.name)

    @property
    def folder(self) -> Path:
        """Where contract, SQL and examples lie."""
        return TABLES / self.table.path

    @property
    def identity_columns(self) -> tuple[str, ...]:
        """Columns that live in the partition path only, as Hive demands."""
        return tuple(str(field.column) for field in self.partition_by if field.transform == "identity")

    @property
    def file_columns(self) -> dict[str, Column]:
        """The columns inside the Parquet files, in order."""
        return {name: column for name, column in self.columns.items() if name not in self.identity_columns}

    @property
    def partition_keys(self) -> tuple[str, ...]:
        """The Hive folder names, in order."""
        return tuple(key for field in self.partition_by for key in field.keys)

    @property
    def arrow_schema(self) -> "pa.Schema":
        """The schema of every published file."""
        import pyarrow as pa

        return pa.schema([pa.field(name, column.type.arrow) for name, column in self.file_columns.items()])


@lru_cache
def load_contract(name: str, root: Path = TABLES) -> Contract:
    """Read a table's contract.

    Raises:
        ContractError: there is no such table, the YAML does not parse, or a field is wrong; names file and field.
    """
    table = TableName.parse(name)
    path = root / table.path / "contract.yml"
    if not path.is_file():
        known = ", ".join(all_tables(root)) or "none"
        raise ContractError(f"There is no table `{name}` (no `{path.relative_to(root)}`). Known tables: {known}.")
    try:
        content = yaml.safe_load(path.read_text())
        return Contract.model_validate({**content, "name": name})
    except (yaml.YAMLError, TypeError) as error:
        raise ContractError(f"`{_shown(path, root)}` is not a YAML mapping: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"`{'.'.join(map(str, e['loc'])) or 'contract'}`: {e['msg']}" for e in error.errors())
        raise ContractError(f"`{_shown(path, root)}`: {problems}. Nothing was run; correct the file.") from error


def all_tables(root: Path = TABLES) -> list[str]:
    """Every table's name, by layer order then name."""
    order = {"reference": 0, "bronze": 1, "silver": 2, "gold": 3}
    found = (".".join(path.parent.relative_to(root).parts) for path in root.glob("*/*/*/contract.yml"))
    return sorted(found, key=lambda name: (order.get(name.split(".")[0], 9), name))


def _shown(path: Path, root: Path) -> str:
    return f"tables/{path.relative_to(root)}"
