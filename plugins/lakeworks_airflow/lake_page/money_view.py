"""View of the bill: a month at the present rate by layer, domain and table, and the effect of a proposed change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from lakeworks.core.names import LAYERS
from lakeworks.cost import report as costs
from lakeworks.cost.bill import BillLine, grouped
from lakeworks.cost.proposal import CostEffect, Proposal
from lakeworks.cost.storage_class_advice import Advice
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.prices import load_price_book
from lakeworks.settings import current_settings


@dataclass(frozen=True)
class MoneyView:
    """The bill's lines, the region and the day of the price list."""

    lines: tuple[BillLine, ...]
    region: str
    prices: str

    @property
    def total(self) -> float:
        """US dollars a month."""
        return sum(line.total_usd for line in self.lines)

    @cached_property
    def by_table(self) -> Mapping[str, float]:
        """Return US dollars a month by table (`layer.domain.table`), of all tenants."""
        costs: dict[str, float] = {}
        for line in self.lines:
            if line.table:
                costs[line.table] = costs.get(line.table, 0) + line.total_usd
        return costs

    @property
    def groups(self) -> dict[str, list[BillLine]]:
        """Return the lines by layer, by domain and by table, the dearest first."""
        groupings = {"layer": ("layer",), "domain": ("domain",), "table": ("layer", "domain", "table")}
        return {
            title: sorted(grouped(self.lines, by), key=lambda line: -line.total_usd) for title, by in groupings.items()
        }


@dataclass(frozen=True)
class Effects:
    """A proposal's effect on each table it covers."""

    lines: tuple[CostEffect, ...]

    @property
    def usd(self) -> float:
        """US dollars a month before the change."""
        return sum(line.usd for line in self.lines)

    @property
    def saving(self) -> float:
        """US dollars a month that it saves."""
        return sum(line.saving_usd for line in self.lines)

    @property
    def one_time(self) -> float:
        """US dollars that the change itself costs."""
        return sum(line.one_time_usd for line in self.lines)


def read_money(lake: Lake, now: datetime) -> MoneyView:
    """Read the bill as `lakeworks cost` does: one listing of the bucket.

    Raises:
        ConfigError: a price is missing.
    """
    ask = _request(now)
    return MoneyView(tuple(costs.bill(lake, ask)), ask.region, str(ask.book.as_of))


def proposal_of(asked: Mapping[str, str]) -> Proposal:
    """Return the proposal that a form asks for, with the fields of `lakeworks cost compare`.

    Raises:
        ConfigError: a field is none of a proposal; nothing was computed.
    """
    layers = tuple(filter(None, asked.get("layer", "").split(",")))
    if unknown := [layer for layer in layers if layer not in LAYERS]:
        raise ConfigError(f"`{', '.join(unknown)}` is no layer. Layers: {', '.join(LAYERS)}. Nothing was computed.")
    compact = _number(asked.get("compact_mb", ""), "Compact to MB")
    share = _number(asked.get("compression", ""), "Bytes after rewriting, in percent")
    return Proposal(
        costs.typed_lifecycle(asked.get("lifecycle", "")),
        share / 100 if share else 1.0,
        int(compact * (1 << 20)) if compact else None,
        layers,
    )


def read_effects(lake: Lake, now: datetime, proposal: Proposal) -> Effects:
    """Compare the bill before and after a proposal, as `lakeworks cost compare` does."""
    return Effects(tuple(costs.compare(lake, _request(now), proposal)))


def read_advice(lake: Lake, now: datetime, logs: str) -> tuple[Advice, ...]:
    """Return cheaper classes for how data is read, as `lakeworks cost advise --logs` does."""
    return tuple(costs.advice(lake, _request(now, logs)))


def _request(now: datetime, logs: str | None = None) -> costs.ReportRequest:
    settings = current_settings()
    window = costs.billing_period(None, now)
    return costs.ReportRequest(load_price_book(settings.price_book), settings.region, window, logs=logs)


def _number(text: str, what: str) -> float | None:
    """Return a number of a form; None for an empty field."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 1_000_000):
        raise ConfigError(f"{what}: `{text}` is no whole number above 0. Nothing was computed.")
    return float(text)
