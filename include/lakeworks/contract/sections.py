"""The sections of a contract: columns, rules, checks, and what the table is built, stored and found by."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, model_validator

from lakeworks.contract.constraints import allowed_value, check_pattern, check_value, condition_columns, exact_number
from lakeworks.core.lake_limits import EARLIEST, LATEST
from lakeworks.core.partition import FIRST_YEAR, LAST_YEAR, PartitionField
from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError

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


class Section(BaseModel):
    """A part of a contract; a field it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Column(Section):
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


class RowRule(Section):
    """SQL that must be true for a row to be published (null counts as broken); otherwise it goes to quarantine."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    sql: str
    reason: str


class TableCheck(Section):
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


class Quarantine(Section):
    """How many broken rows a run tolerates before it stops instead of publishing the rest."""

    limit: float = Field(0.2, ge=0, le=1, description="Share of the rows read.")


class PlausibleTimes(Section):
    """The days that the partitions of a table cut by time can have. Rows of other days go to quarantine."""

    first: date = EARLIEST
    last: date = LATEST

    @model_validator(mode="after")
    def _is_a_range(self) -> "PlausibleTimes":
        if not (FIRST_YEAR <= self.first.year <= self.last.year <= LAST_YEAR and self.first <= self.last):
            raise ValueError(f"expected two dates in order, within the years {FIRST_YEAR} to {LAST_YEAR}")
        return self


class Rebuilds(Section):
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


class Freshness(Section):
    """How old the newest published partition may be (ODCS slaProperties `latency`)."""

    max_age_hours: float = Field(gt=0)
    look_back_days: int = Field(
        31,
        ge=0,
        description="How long partitions that are missing before the newest, and keys (symbols, say) that stopped while "
        "others went on, stay late once they are overdue; 0: only the newest partition counts.",
    )


class Retention(Section):
    """When data moves to a colder storage class or expires; days since the object was written."""

    glacier_ir_after_days: int | None = Field(None, ge=1)
    deep_archive_after_days: int | None = Field(None, ge=1)
    expire_after_days: int | None = Field(None, ge=1)


Codec = Literal["zstd", "snappy", "none"]


class Storage(Section):
    """How the Parquet objects are written."""

    compression: Codec = "zstd"
    compression_level: int | None = None
    column_compression: dict[str, Codec] = Field(
        {}, description="Another codec for some columns, such as none for what is compressed already."
    )
    row_group_rows: int = Field(500_000, ge=1)
    max_partitions: int = Field(2_000, ge=1, description="More in one run is refused as a partition explosion.")
    layout: Literal["plain", "versioned"] = Field(
        "plain",
        description="plain: one object a partition at a fixed path. versioned: immutable objects under `_versions/`, cut at "
        "`target_bytes`; readers go through catalog or ledger, there is no plain path and no partition projection.",
    )
    target_bytes: int = Field(256 << 20, ge=1, description="Size at which a versioned partition gets another object.")


class InputRule(Section):
    """How much of an upstream table a run reads; without one: the run's own period, which must be published."""

    look_back_days: int = Field(
        0, ge=0, description="Also the partitions of so many days before, whatever the run's grain."
    )
    whole: bool = Field(False, description="Every partition: for small tables of events.")
    optional: bool = Field(False, description="Reads as empty where nothing is published.")


class Catalog(Section):
    """How the table is found in Glue."""

    projection: bool = Field(
        default=False, description="Athena computes the partitions instead of asking Glue; tables cut by time only."
    )
