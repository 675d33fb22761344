"""The table over raw answers follows landing: complete fetches with new content, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from lakeworks.catalog.landing_tables import LandedFetch, LandingCatalog
from lakeworks.contract import Contract
from lakeworks.core.layout import landing_prefix
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import ContractError
from lakeworks.lake import Lake
from lakeworks.landing.fetches import Fetches
from lakeworks.landing.files import prefix, source_of
from lakeworks.landing.landing_set import SET
from lakeworks.sources import parser_of

# The period of a table without partitions.
_WHOLE = "all"


def answers_table(lake: Lake, contract: Contract) -> LandingCatalog | None:
    """Return the table of a contract with `catalog.landing`; None without, for a source of files, and in a dev lake."""
    if contract.catalog.landing is None or lake.catalog.dev or not _has_answers(contract):
        return None
    place = landing_prefix(contract.table.domain, source_of(contract), None)
    return LandingCatalog(lake.catalog, contract, lake.store.uri(place))


def check_answers(contract: Contract) -> None:
    """Refuse `catalog.landing` for a source of files.

    Raises:
        ContractError: the contract has it.
    """
    if contract.catalog.landing and not _has_answers(contract):
        raise ContractError(
            f"`{contract.name}`: `catalog.landing` needs a source of answers, and `{contract.source}` has files. Nothing was "
            "landed. Remove it from the contract; the table itself has the files' rows."
        )


def _has_answers(contract: Contract) -> bool:
    return contract.source is not None and parser_of(contract.source.partition(".")[0]) is not None


@dataclass(frozen=True)
class CompleteFetch:
    """A fetch that has a set: the prefix of its period, the period, and its id."""

    below: str
    period: str
    fetch: str

    def landed(self, lake: Lake) -> LandedFetch:
        """Return it as the catalog lists it."""
        return LandedFetch(self.period, self.fetch, lake.store.uri(f"{self.below}fetch={self.fetch}/"))


def register_answers(lake: Lake, contract: Contract, period: Period) -> int:
    """Register the complete fetches of a period; returns how many were not."""
    table = answers_table(lake, contract)
    if table is None:
        return 0
    below, shown = prefix(contract, period), str(period) if contract.partition_by else _WHOLE
    made = [CompleteFetch(below, shown, item.fetch) for item in Fetches.below(lake, below).distinct()]
    return table.register([item.landed(lake) for item in made])


def every_complete_fetch(lake: Lake, contract: Contract) -> list[CompleteFetch]:
    """Return every complete fetch of the source, from one listing of landing."""
    root = landing_prefix(contract.table.domain, source_of(contract), None)
    keys = [item.key.removeprefix(root) for item in lake.store.scan(root) if item.key.endswith(f"/{SET}")]
    found = [_complete(root, key) for key in keys]
    return [item for item in found if item]


def with_new_content(lake: Lake, fetches: Sequence[CompleteFetch]) -> list[CompleteFetch]:
    """Return those fetches whose content is not that of an earlier one: the others would show every row twice."""
    sets = lake.store.map(lambda item: Fetches(lake, item.below, {}).read(item.fetch), fetches)
    return [item for item, made in zip(fetches, sets, strict=True) if made.same_as is None]


def _complete(root: str, key: str) -> CompleteFetch | None:
    """Return the fetch of a set's key below the source: `year=2026/month=01/day=05/fetch=<id>/_set.json`."""
    path, _, fetch = f"/{key.removesuffix(f'/{SET}')}".partition("/fetch=")
    if not fetch or "/" in fetch:
        return None
    if not path:
        return CompleteFetch(root, _WHOLE, fetch)
    period = Partition.parse(path).period
    return CompleteFetch(f"{root}{path.strip('/')}/", str(period), fetch) if period else None
