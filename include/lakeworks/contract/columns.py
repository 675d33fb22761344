"""The parts of a contract about values: columns with their rules, row rules, checks of all rows."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from lakeworks.contract.constraints import allowed_value, check_pattern, check_value, condition_columns, exact_number
from lakeworks.core.partition import PartitionField
from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError

Severity = Literal["error", "warn"]


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


_PLAIN = "boolean|tinyint|smallint|int|bigint|float|double|string|binary|date|timestamp"
_TYPE = rf"^\s*({_PLAIN}|decimal\(.+\)|(list|struct|map)<.+>)\s*$"
_PARTITION = r"^\s*((month|day|hour)(\(\w+\))?|\w+)\s*$"
_NUMBER = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$"}]}

ColumnType = Annotated[
    LakeType, PlainValidator(_parse_type), PlainSerializer(str), WithJsonSchema({"type": "string", "pattern": _TYPE})
]
PartitionBy = Annotated[
    PartitionField,
    PlainValidator(_parse_field),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": _PARTITION}),
]


def _parse_pattern(text: str) -> str:
    check_pattern(text)
    return text


Limit = Annotated[int | Decimal, PlainValidator(exact_number), WithJsonSchema(_NUMBER)]
Allowed = Annotated[
    str | bool | int | Decimal,
    PlainValidator(allowed_value),
    WithJsonSchema({"type": ["string", "boolean", "number"]}),
]
Pattern = Annotated[str, AfterValidator(_parse_pattern)]


class Section(BaseModel):
    """A part of a contract; a field it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Column(Section):
    """One column. A row whose value breaks `required`, `minimum`, `maximum`, `allowed` or `pattern` is quarantined."""

    type: ColumnType = Field(
        description="boolean, tinyint, smallint, int, bigint, float, double, string, binary, date, timestamp (UTC, "
        "microseconds), decimal(p,s), list<…>, struct<name:…>, map<…,…>."
    )
    description: str = Field(description="Meaning of a value, with its unit.")
    required: bool = Field(default=False, description="Refuse nulls: a row without the value goes to quarantine.")
    minimum: Limit | None = Field(None, description="Smallest allowed value. In quotes if a float would lose digits.")
    maximum: Limit | None = Field(None, description="Largest allowed value.")
    allowed: tuple[Allowed, ...] | None = Field(None, description="List of all allowed values.")
    pattern: Pattern | None = Field(
        None,
        description="Regular expression that must match in the text; write `^…$` to match the whole text. No look-around.",
    )
    classification: Literal["public", "internal", "confidential", "restricted"] = Field(
        "public", description="Confidentiality of the column; written to the catalog and the ODCS document."
    )
    pii: bool = Field(default=False, description="The column holds personal data.")
    masking: Literal["salted_sha256"] | None = Field(
        None,
        description="Replace the transform's value before rules are checked and rows are stored. Needs LAKE_PII_SALT.",
    )

    @property
    def protected(self) -> bool:
        """True for personal data and classifications above `internal`: the column leaves the lake only on request."""
        return self.pii or self.classification in ("confidential", "restricted")

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

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Name of the rule, as quarantined rows show it.")
    sql: str = Field(description="Condition over the row's columns, in the SQL of transforms.")
    reason: str = Field(description="Explanation for people: the fault of a row that breaks the rule.")


class TableCheck(Section):
    """A Great Expectations expectation on the staged rows as a whole."""

    expectation: str = Field(pattern=r"^expect_[a-z0-9_]+$", description="Name of the expectation; see the list below.")
    kwargs: dict[str, Any] = Field(default_factory=dict, description="Its arguments.")
    severity: Severity = Field(
        "error",
        description="error: a failed check stops publication. warn: the rows are published, and the audit report shows "
        "the failure.",
    )
    description: str = Field("", description="Reason for the check.")

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
