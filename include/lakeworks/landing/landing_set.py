"""The list of a complete fetch: `_set.json`, which is written last."""

from pydantic import Field

from lakeworks.landing.responses import LandedAnswer
from lakeworks.ledger.document import Record

SET = "_set.json"


class FileNote(Record):
    """Outcome of a fetch for one file: `taken`, `unchanged`, `kept` (it left the inbox), `skipped` or `forgotten`; and why."""

    name: str
    outcome: str
    why: str = ""


class LandingSet(Record):
    """A complete fetch. If it has the same content as the fetch `same_as`, it is recorded, but `same_as` stays the source."""

    key: str
    source: str
    period: str
    fetch: str
    run_id: str
    content: str
    same_as: str | None = None
    facts: dict[str, str] = Field(default_factory=dict)
    figures: dict[str, float] = Field(default_factory=dict)
    answers: tuple[LandedAnswer, ...]
    files: tuple[FileNote, ...] = ()

    @property
    def prefix(self) -> str:
        """Its folder."""
        return self.key.removesuffix(SET)
