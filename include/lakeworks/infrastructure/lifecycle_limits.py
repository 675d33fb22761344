"""Limits of lifecycle rules: S3's own limits, and the prefixes that only the lake itself may manage."""

from collections.abc import Sequence
from itertools import pairwise

from lakeworks.core.layout import LANDING, LEDGER, METADATA, QUOTA, RELEASES
from lakeworks.core.names import LAYERS

# Which class an object may move to from which (S3 User Guide, "Transitioning objects using Amazon S3 Lifecycle").
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
MOVES: dict[str, tuple[str, ...]] = {
    "STANDARD": ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", *_ARCHIVES),
    "STANDARD_IA": ("INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", *_ARCHIVES),
    "INTELLIGENT_TIERING": ("ONEZONE_IA", "GLACIER_IR", *_ARCHIVES),
    "ONEZONE_IA": _ARCHIVES,
    "GLACIER_IR": _ARCHIVES,
    "GLACIER": ("DEEP_ARCHIVE",),
    "DEEP_ARCHIVE": (),
}
# Days an object stays in a class before a rule may move it on; S3 refuses a shorter stay.
MINIMUM_STAY = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
# Runs and releases read these prefixes: a deleted or archived object there stops them.
_READ_BY_EVERY_RUN = {
    LEDGER: "no partition could be read or published without it",
    METADATA: "it contains contracts, tenants and the bucket's manifest",
    QUOTA: "the counts of requests to sources would be lost",
    RELEASES: "the rows of named releases would be lost",
}
# Only the lake's own settings expire or archive objects of these prefixes, because the ledger must know of it.
_BY_THEIR_OWN_SETTING = (LANDING, *LAYERS)


def move_fault(moves: Sequence[tuple[int, str]]) -> str | None:
    """Return why S3 would refuse moves of one rule, given as (days, class) in order; None if it takes them."""
    for (days, start), (later, end) in pairwise([(0, "STANDARD"), *moves]):
        if end not in MOVES[start]:
            onward = ", ".join(MOVES[start]) or "no other class"
            return f"S3 moves objects from {start} to {onward}, not to {end}"
        if later - days < MINIMUM_STAY.get(start, 0):
            stay = MINIMUM_STAY[start]
            return f"objects must stay {stay} days in {start}: move them to {end} on day {days + stay} or later"
    return None


def loss(prefix: str, classes: Sequence[str], *, expires: bool) -> str | None:
    """Return the damage that a rule on a prefix would do, in words; None if it is harmless.

    Args:
        prefix: of the rule. It counts as covering an area if either is the beginning of the other.
        classes: that the rule moves objects to.
        expires: whether the rule deletes objects.
    """
    for area, meaning in _READ_BY_EVERY_RUN.items():
        if _overlap(prefix, area) and (expires or classes):
            act = "expire" if expires else f"move to {classes[0]}"
            return f"would {act} objects of `{area}/`: {meaning}. Choose a prefix that does not cover it"
    for area in _BY_THEIR_OWN_SETTING:
        if _overlap(prefix, area) and expires:
            return (
                f"would expire objects below `{area}/` that the ledger still needs. Set `expire_after_days` of the "
                "layer, or `retention` in the table's contract"
            )
        if _overlap(prefix, area) and (archive := next((name for name in classes if name in _ARCHIVES), None)):
            return (
                f"would move objects below `{area}/` to {archive}, where no run can read them. Set "
                "`deep_archive_after_days` of the layer, or `retention` in the table's contract; backfills then plan "
                "for it"
            )
    return None


def _overlap(prefix: str, area: str) -> bool:
    return prefix.startswith(f"{area}/") or f"{area}/".startswith(prefix)
