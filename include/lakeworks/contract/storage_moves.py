"""S3's moves between storage classes: which are possible, and how long an object must stay before the next."""

from collections.abc import Sequence
from itertools import pairwise

# Classes whose objects must be restored before anything can read them.
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
# Which class an object may move to from which (S3 User Guide, "Transitioning objects using Amazon S3 Lifecycle").
MOVES: dict[str, tuple[str, ...]] = {
    "STANDARD": ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", *ARCHIVES),
    "STANDARD_IA": ("INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", *ARCHIVES),
    "INTELLIGENT_TIERING": ("ONEZONE_IA", "GLACIER_IR", *ARCHIVES),
    "ONEZONE_IA": ARCHIVES,
    "GLACIER_IR": ARCHIVES,
    "GLACIER": ("DEEP_ARCHIVE",),
    "DEEP_ARCHIVE": (),
}
# Days an object stays in a class before a rule may move it on; S3 refuses a shorter stay.
MINIMUM_STAY = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
# Days after its writing on which an object may move to a class at the earliest.
EARLIEST = {"STANDARD_IA": 30, "ONEZONE_IA": 30}


def move_fault(moves: Sequence[tuple[int, str]]) -> str | None:
    """Return why S3 would refuse moves of one rule, given as (days, class) in order; None if it takes them."""
    for (days, start), (later, end) in pairwise([(0, "STANDARD"), *moves]):
        if end not in MOVES[start]:
            onward = ", ".join(MOVES[start]) or "no other class"
            return f"S3 moves objects from {start} to {onward}, not to {end}"
        if later - days < MINIMUM_STAY.get(start, 0):
            stay = MINIMUM_STAY[start]
            return f"objects must stay {stay} days in {start}: move them to {end} on day {days + stay} or later"
        if later < EARLIEST.get(end, 0):
            return f"S3 moves objects to {end} after {EARLIEST[end]} days at the earliest"
    return None
