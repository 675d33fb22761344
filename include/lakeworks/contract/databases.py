"""Glue databases that the tables of some contracts need."""

from collections.abc import Iterable

from lakeworks.contract.contract import Contract
from lakeworks.core.layout import LANDING


def landing_database(contract: Contract) -> str:
    """Return the database of the tables over raw answers of the contract's domain."""
    return f"{LANDING}_{contract.table.domain}"


def databases_of(contracts: Iterable[Contract]) -> list[str]:
    """Return the names in order: one for each layer and domain, and one for the answers of each domain that shows some."""
    names = set[str]()
    for contract in contracts:
        names.add(contract.table.database)
        if contract.catalog.landing:
            names.add(landing_database(contract))
    return sorted(names)
