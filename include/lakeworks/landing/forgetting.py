"""Removal of delivered files from their period, on a person's request."""

from collections.abc import Collection
from datetime import UTC, datetime

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError, LakeNotFound, LostRace
from lakeworks.lake import Lake
from lakeworks.landing.delivered_files import landed_file
from lakeworks.landing.fetches import Fetches, finish
from lakeworks.landing.files import prefix
from lakeworks.landing.joined_fetches import TURNS, ended_beside, joined
from lakeworks.landing.landing_set import FileNote, LandingSet
from lakeworks.ledger.run_record import Run


def forget(lake: Lake, contract: Contract, period: Period, names: Collection[str]) -> LandingSet:
    """Write a set without these files; the next run of the period publishes without their rows.

    The landed bytes stay. A file that still lies in the inbox is taken again by the next fetch.

    Raises:
        LakeNotFound: nothing was landed for the period, or none of its files has such a name.
        ConfigError: no file would be left.
        LostRace: others kept landing files of the period.
    """
    now = datetime.now(UTC)
    run = Run(id=f"forget__{now:%Y%m%dT%H%M%S%f}", started_at=now)
    beside: list[LandingSet] = []
    for _ in range(TURNS):
        fetches = Fetches.below(lake, prefix(contract, period))
        newest = fetches.newest()
        if newest is None:
            raise LakeNotFound(f"`{contract.name}` {period}: no file was landed. Nothing was changed.")
        if not beside:
            _check_known(contract, period, newest, names)
        made = _without(fetches, run, joined(newest, beside, {}), names)
        beside = ended_beside(Fetches.below(lake, prefix(contract, period)), fetches.complete, made, {})
        if not beside:
            return made
    raise LostRace(
        f"`{contract.name}` {period}: other writers kept landing files of the period. Nothing was changed. Run again."
    )


def _check_known(contract: Contract, period: Period, newest: LandingSet, names: Collection[str]) -> None:
    known = [item.request for item in newest.answers if landed_file(item)]
    if unknown := [name for name in names if name not in known]:
        raise LakeNotFound(
            f"`{contract.name}` {period} has no delivered file `{unknown[0]}`. Known: {', '.join(known) or 'none'}. Nothing "
            "was changed."
        )
    if all(item.request in names for item in newest.answers):
        raise ConfigError(
            f"`{contract.name}` {period} would have no file left. Nothing was changed. To withdraw the whole "
            f"period: lakeworks withdraw {contract.name} PARTITION"
        )


def _without(fetches: Fetches, run: Run, newest: LandingSet, names: Collection[str]) -> LandingSet:
    """Write a set of all but these files."""
    folder = fetches.open(run, f"forget {sorted(names)}", datetime.now(UTC))
    folder.before = newest
    folder.taken = {item.request: item for item in newest.answers if item.request not in names}
    folder.notes += [FileNote(name=name, outcome="forgotten", why="by a person") for name in names]
    about = {
        "source": newest.source,
        "period": newest.period,
        "facts": {"forgotten": ", ".join(sorted(names))},
        "figures": {},
    }
    return finish(folder, newest, about)
