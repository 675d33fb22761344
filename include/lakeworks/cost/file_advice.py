"""Advice on a table's Parquet settings: what was measured, what it would save, and the lines for the contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lakeworks.cost.proposal import CostEffect

# A proposal that saves less of the bytes, or fewer dollars a month, is not worth the change of a contract.
WORTH_SHARE = 0.05
# A single setting that saves less is left out of the proposal.
STEP_SHARE = 0.01
WORTH_USD = 1.0


@dataclass(frozen=True)
class Trial:
    """One measured setting. `share` is its bytes as a share of the present settings'. CPU seconds are the sample's."""

    setting: str
    value: str
    bytes: int
    share: float
    write_seconds: float
    read_seconds: float
    chosen: bool = False


@dataclass(frozen=True)
class FileAdvice:
    """The advice for one table. `saved_share` is the share of the sample's bytes that all chosen settings save together.

    `settings` are fields of the contract's `storage`, whether they are worth it or not.
    """

    table: str
    partitions: int
    rows: int
    trials: tuple[Trial, ...]
    effect: CostEffect
    saved_share: float
    settings: Mapping[str, Any]
    worth_usd: float = WORTH_USD

    @property
    def is_worth_it(self) -> bool:
        """Return True if the settings save enough bytes and dollars to be proposed."""
        return self.saved_share >= WORTH_SHARE and self.effect.saving_usd >= self.worth_usd

    @property
    def contract_lines(self) -> str:
        """Return the lines for contract.yml; empty without a proposal."""
        if not self.is_worth_it:
            return ""
        return yaml.safe_dump({"storage": dict(self.settings)}, sort_keys=False)

    @property
    def sentence(self) -> str:
        """Return what the settings save, and whether that is worth a change."""
        saved = f"{self.saved_share:.1%} of the bytes, ${self.effect.saving_usd:,.2f} a month"
        bounds = f"A proposal needs {WORTH_SHARE:.0%} and ${self.worth_usd:,.2f} a month."
        if not self.settings:
            return f"No proposal: no setting that was tried makes the files of {self.table} {STEP_SHARE:.0%} smaller. {bounds}"
        if not self.is_worth_it:
            return f"No proposal: the best settings save {saved}. {bounds}"
        months = self.effect.months_to_pay or 0.0
        return (
            f"Saves {saved}, once all {self.effect.objects} current objects are written again. Requests for that cost "
            f"${self.effect.one_time_usd:,.2f} once, back in {months:.1f} months. Runs use the settings from the next one on. "
            "Add to the contract:"
        )
