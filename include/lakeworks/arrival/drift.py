"""Differences between arriving data and the contract. The schema policy decides: note them in the run's record, or refuse."""

from collections.abc import Iterable
from typing import Literal

from lakeworks.contract import Contract
from lakeworks.errors import SchemaDrift

DriftKind = Literal["column", "spelling", "type", "value"]
# Differences that each policy refuses.
_REFUSED: dict[str, set[DriftKind]] = {
    "freeze": {"column", "spelling", "type"},
    "add_nullable": {"type"},
    "widen": set(),
    "quarantine_unknown": set(),
}


class Drift:
    """Every difference of a run, each once, in the order it was seen."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._noted: dict[str, None] = {}

    @property
    def noted(self) -> tuple[str, ...]:
        """The differences in words."""
        return tuple(self._noted)

    def note(self, name: str, differences: Iterable[tuple[DriftKind, str]]) -> None:
        """Note how a file differs.

        Raises:
            SchemaDrift: the contract's policy does not admit one of the differences.
        """
        new = list(differences)
        refused = [text for kind, text in new if kind in _REFUSED[self._contract.schema_policy]]
        if refused:
            raise SchemaDrift(
                f"`{self._contract.name}`: `{name}` differs from the contract: {'; '.join(refused)}, and its "
                f"schema_policy is `{self._contract.schema_policy}`. The file stays in landing; nothing was staged. "
                "Correct the columns, or choose a wider policy."
            )
        self._noted.update(dict.fromkeys(text for _, text in new))
