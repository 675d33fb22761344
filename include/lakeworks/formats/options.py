"""Options of a data set's files: part of the contract's `source_options`. The reader guesses none of them."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FormatName = Literal["csv", "tsv", "json", "jsonl", "parquet", "orc", "avro", "excel", "binary"]


class FormatOptions(BaseModel):
    """Options of every format; each format looks at its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: FormatName | None = Field(None, description="Format, if the file's ending does not show it.")
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="CSV: separator of fields; default: `,` (TSV: a tab)."
    )
    quote: str | None = Field(
        '"', min_length=1, max_length=1, description="CSV: quote character; null if fields are never quoted."
    )
    encoding: str = Field("utf-8", description="CSV and JSON: encoding of the text, e.g. latin-1, cp1252, utf-16.")
    header: bool = Field(default=True, description="CSV and Excel: true if the first line names the columns.")
    columns: tuple[str, ...] = Field((), description="CSV and Excel without a header: the columns in order.")
    null_words: tuple[str, ...] = Field((), description="CSV and Excel: texts to read as null, besides empty fields.")
    decimal_comma: bool = Field(default=False, description="CSV: true if numbers are written like 1.234,50.")
    skip_lines: int = Field(0, ge=0, description="CSV: number of lines to skip before the header.")
    broken_lines: Literal["refuse", "keep"] = Field(
        "refuse",
        description="JSON Lines: treatment of a line that is no JSON object. `keep` makes it a row with the reason in "
        "`line_problem` and its bytes as base64 in `line_raw`.",
    )
    nanoseconds: Literal["refuse", "truncate"] = Field(
        "refuse", description="Parquet and ORC: treatment of moments finer than a microsecond."
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
