"""Options of a data set's files: part of the contract's `source_options`. The reader guesses none of them."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FormatName = Literal["csv", "tsv", "json", "jsonl", "parquet", "orc", "avro", "excel", "binary"]


class FormatOptions(BaseModel):
    """Options of every format; each format looks at its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: FormatName | None = Field(None, description="Instead of what the file's ending says.")
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="CSV: `,` (TSV: a tab) unless given.")
    quote: str | None = Field('"', min_length=1, max_length=1, description="CSV: null where fields are never quoted.")
    encoding: str = Field("utf-8", description="CSV and JSON, e.g. latin-1, cp1252, utf-16.")
    header: bool = Field(default=True, description="CSV and Excel: whether the first line names the columns.")
    columns: tuple[str, ...] = Field((), description="CSV and Excel without a header: the columns in order.")
    null_words: tuple[str, ...] = Field((), description="CSV and Excel: texts that are no value, beside empty fields.")
    decimal_comma: bool = Field(default=False, description="CSV: numbers are written 1.234,50.")
    skip_lines: int = Field(0, ge=0, description="CSV: lines before the header that are no part of the table.")
    nanoseconds: Literal["refuse", "truncate"] = Field(
        "refuse", description="Parquet and ORC: what happens to moments that are not whole microseconds."
    )

    @classmethod
    def among(cls, options: Mapping[str, Any]) -> "FormatOptions":
        """Return those of a data set's options that say how its files are written."""
        return cls.model_validate({name: value for name, value in options.items() if name in cls.model_fields})

    @model_validator(mode="after")
    def _is_whole(self) -> "FormatOptions":
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise ValueError(f"encoding `{self.encoding}` is not known") from error
        if self.header == bool(self.columns):
            raise ValueError("`columns` goes with `header: false`, and `header: false` with `columns`")
        return self
