"""A person's word that a delivered file is no part of its period any more."""

from collections.abc import Collection
from datetime import UTC, datetime

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.landing.delivered_files import landed_file
from lakeworks.landing.fetches import Fetches, finish
from lakeworks.landing.files import prefix
from lakeworks.landing.landing_set import FileNote, LandingSet
from lakeworks.ledger.run_record import Run


def forget(lake: Lake, contract: Contract, period: Period, names: Collection[str]) -> LandingSet:
    """Write a set without these files; the next run of the period publishes without their rows.

    The landed bytes stay. A file that still lies in the inbox is taken again by the next fetch.

    Raises:
        LakeNotFound: nothing was landed for the period, or none of its files has such a name.
        ConfigError: no file would be left.
    """
    fetches = Fetches.below(lake, prefix(contract, period))
    newest = fetches.newest()
    if newest is None:
        raise LakeNotFound(f"`{contract.name}` {period}: nothing was landed. Nothing was changed.")
    known = [item.request for item in newest.answers if landed_file(item)]
    if unknown := [name for name in names if name not in known]:
        raise LakeNotFound(
            f"`{contract.name}` {period} has no delivered file `{unknown[0]}`. Known: {', '.join(known) or 'none'}. Nothing "
            "was changed."
        )
    left = {item.request: item for item in newest.answers if item.request not in names}
    if not left:
        raise ConfigError(
            f"`{contract.name}` {period} would have no file left. Nothing was changed. To take the whole period from readers: "
            f"lakeworks withdraw {contract.name} PARTITION"
        )
    now = datetime.now(UTC)
    run = Run(id=f"forget__{now:%Y%m%dT%H%M%S%f}", started_at=now)
    folder = fetches.open(run, f"forget {sorted(names)}", now)
    folder.before, folder.taken = newest, left
    folder.notes += [FileNote(name=name, outcome="forgotten", why="by a person") for name in names]
    about = {
        "source": newest.source,
        "period": newest.period,
        "facts": {"forgotten": ", ".join(sorted(names))},
        "figures": {},
    }
    return finish(folder, newest, about)
