"""Planted faults of dev lakes and releases: each takes a cure out, and the histories about them must find it."""

from typing import Any

from lakeworks.dev.promotable import Promotable
from lakeworks.dev.promotion import _Promotion
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.joint_reservation import JointReservation
from lakeworks.ledger.run_numbers import HeldTicket, RunRegister
from lakeworks.maintenance import garbage_collection
from lakeworks.maintenance.garbage import versions
from lakeworks.s3.dev_branch import DevBranch
from tests.simulation import actors, branches
from tests.simulation.faults import FAULTS, Fault, Swap, _of
from tests.simulation.whole_run_faults import WHOLE_RUN_FAULTS

_LIVE_ENTRY = _Promotion._live_entry


def _unconditional(self: _Promotion, *arguments: Any) -> LedgerEntry:
    return _LIVE_ENTRY(self, *arguments).model_copy(update={"based_on": None})


def _rolled_forward(*_: Any) -> bool:
    return False


def _unconfirmed(_: RunRegister, __: Any, held: HeldTicket) -> HeldTicket:
    return held


def _confirmed_by_anyone(self: RunRegister, table: Any, number: int) -> bool:
    ticket = self.read(table).ticket(number)
    return ticket is not None and ticket.confirmed


def _no_obstacle(*_: Any) -> str:
    return ""


def _no_pins(*_: Any) -> dict[Any, Any]:
    return {}


def _no_keys(*_: Any) -> frozenset[str]:
    return frozenset()


def _not_held(*_: Any) -> list[Any]:
    return []


def _of_the_live_lake(_: DevBranch, key: str) -> str:
    return key.removeprefix("_parent/")


BRANCH_FAULTS = {
    "promoted_anyway": Fault(
        "B1",
        "a dev lake is promoted although live moved on",
        lambda: (Swap(Promotable, "_obstacle", _no_obstacle), Swap(_Promotion, "_live_entry", _unconditional)),
        "dev lakes",
    ),
    "promoted_without_condition": Fault(
        "B2",
        "a promotion looks at what is live, and publishes without that as its condition",
        _of(_Promotion, "_live_entry", _unconditional),
        "dev lakes",
    ),
    "pins_collected": Fault(
        "B3", "garbage collection removes what dev lakes read", _of(versions, "pins_of", _no_pins), "dev lakes"
    ),
    "dev_keys_are_live": Fault(
        "B4", "a dev lake writes at the live lake's keys", _of(DevBranch, "key", _of_the_live_lake), "dev lakes"
    ),
    "releases_collected": Fault(
        "B5",
        "garbage collection removes what releases name, and their copies",
        lambda: (Swap(garbage_collection, "released_keys", _no_keys), Swap(versions, "released_keys", _no_keys)),
        "releases",
    ),
    "promotion_rolled_forward": Fault(
        "B7",
        "another process rolls a promotion forward that does not have all its numbers",
        _of(JointReservation, "is_refused", _rolled_forward),
        "interrupted promotions",
    ),
    "promotion_unconfirmed": Fault(
        "B8",
        "a promotion places its objects without asking whether another process gave it up",
        _of(RunRegister, "confirm", _unconfirmed),
        "promotions",
    ),
    "promotion_abandoned_by_a_look": Fault(
        "B9",
        "a process abandons a promotion without removing its ticket",
        _of(RunRegister, "is_confirmed", _confirmed_by_anyone),
        "promotions",
    ),
    "releases_not_held": Fault(
        "B6",
        "no night copies what releases name before the bucket deletes it",
        lambda: (Swap(actors, "hold_all", _not_held), Swap(branches, "hold_all", _not_held)),
        "releases",
    ),
}
EVERY_FAULT = {**FAULTS, **WHOLE_RUN_FAULTS, **BRANCH_FAULTS}
