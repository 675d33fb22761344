"""Documents of the lake: JSON that this release and other releases write and read."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from lakeworks.errors import LedgerCorrupt, NewerFormat

# Increase it only for a change that an older release would misread. A new field that it may ignore is no such change.
FORMAT = 1
_NEWER = "newer_format"


class Record(BaseModel):
    """Base of everything that lakeworks stores as JSON. Fields of a newer release are kept and written back unchanged."""

    model_config = ConfigDict(extra="allow", frozen=True)


class StoredDocument(Record):
    """A record that is stored as one object."""

    format: int = Field(FORMAT, description="The format a release must know to read it.")

    @field_validator("format")
    @classmethod
    def _is_known(cls, version: int) -> int:
        if version > FORMAT:
            raise PydanticCustomError(
                _NEWER, "it has format {found}, and this release reads up to {known}", _known(version)
            )
        return version

    @classmethod
    def read(cls, body: bytes, where: str, advice: str) -> Self:
        """Read a document from its JSON; `advice` is the next step if it does not parse.

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


def _known(version: int) -> dict[str, int]:
    return {"found": version, "known": FORMAT}
