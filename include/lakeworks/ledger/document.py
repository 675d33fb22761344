"""Documents of the lake: JSON that this release and others write and read."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from lakeworks.errors import LedgerCorrupt, NewerFormat

# Raised only by a change that an older release would misread. A new field that it may leave alone is no such change.
FORMAT = 1
_NEWER = "newer_format"


class Record(BaseModel):
    """Base of everything lakeworks stores as JSON; fields of a newer release are kept, and written back as they are."""

    model_config = ConfigDict(extra="allow", frozen=True)


class StoredDocument(Record):
    """A record that is an object of its own."""

    format: int = Field(FORMAT, description="The format a release must know to read it.")

    @field_validator("format")
    @classmethod
    def _is_known(cls, found: int) -> int:
        if found > FORMAT:
            raise PydanticCustomError(
                _NEWER, "it has format {found}, and this release reads up to {known}", _known(found)
            )
        return found

    @classmethod
    def read(cls, body: bytes, where: str, advice: str) -> Self:
        """Read a document from its JSON; `advice` says what to do about one that does not parse.

        Raises:
            NewerFormat: a newer release wrote it, in a format that this one would misread.
            LedgerCorrupt: it does not parse.
        """
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            first = error.errors()[0]
            if first["type"] == _NEWER:
                raise NewerFormat(
                    f"`{where}` was written by a newer release of lakeworks: {first['msg']}. Nothing was changed. Upgrade "
                    "this installation, then run again."
                ) from error
            place = ".".join(str(part) for part in first["loc"])
            raise LedgerCorrupt(
                f"`{where}` {advice.format(problem=f'{place}: ' * bool(place) + first['msg'])}"
            ) from error


def _known(found: int) -> dict[str, int]:
    return {"found": found, "known": FORMAT}
