"""Differences between landing and the table over its raw answers: a crash between the two, or a fetch that was removed."""

from collections.abc import Iterator

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.lake import Lake
from lakeworks.landing.catalogued.complete_fetches import answers_table, every_complete_fetch, with_new_content
from lakeworks.maintenance.catalog_difference import CatalogDifference


def compare_landing(lake: Lake, contract: Contract, *, repair: bool) -> Iterator[CatalogDifference]:
    """Yield each difference; with `repair`, repair it first. Sets are read only of fetches that are not registered."""
    table = answers_table(lake, contract)
    if table is None:
        return
    registered = set(table.registered())  # before landing: a fetch that ends in between is no difference
    complete = every_complete_fetch(lake, contract)
    if not complete and not registered:
        return
    if faults := table.faults():
        if repair:
            table.set_table()
        yield CatalogDifference("landing table behind contract", Partition(), "; ".join(faults), repaired=repair)
    unknown = with_new_content(lake, [item for item in complete if item.landed(lake).values not in registered])
    if repair and (unknown or faults):
        known = [item for item in complete if item.landed(lake).values in registered]
        table.register([item.landed(lake) for item in (*known, *unknown)])
    for item in unknown:
        where = f"the fetch {item.fetch} of {item.period} is complete"
        yield CatalogDifference("landed, not in catalog", Partition(), where, repaired=repair)
    dead = sorted(registered - {item.landed(lake).values for item in complete})
    if repair and dead:
        table.drop(dead)
    for period, fetch in dead:
        where = f"registered as fetch {fetch} of {period}, which has no set"
        yield CatalogDifference("no complete fetch", Partition(), where, repaired=repair)
