"""Limits of lifecycle rules: the prefixes that only the lake itself may manage."""

from collections.abc import Sequence

from lakeworks.contract.storage_moves import ARCHIVES
from lakeworks.core.layout import LANDING, LEDGER, METADATA, PLANS, QUOTA, RELEASES
from lakeworks.core.names import LAYERS

# Runs and releases read these prefixes: a deleted or archived object there stops them.
_READ_BY_EVERY_RUN = {
    LEDGER: "no partition could be read or published without it",
    METADATA: "it contains contracts, tenants and the bucket's manifest",
    QUOTA: "the counts of requests to sources would be lost",
    RELEASES: "the rows of named releases would be lost",
    PLANS: "ranges that a person excluded would be built again",
}
# Only the lake's own settings expire or archive objects of these prefixes, because the ledger must know of it.
_BY_THEIR_OWN_SETTING = (LANDING, *LAYERS)


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
        if _overlap(prefix, area) and (archive := next((name for name in classes if name in ARCHIVES), None)):
            return (
                f"would move objects below `{area}/` to {archive}, where no run can read them. Set "
                "`glacier_after_days` or `deep_archive_after_days` of the layer, or `retention` in the table's "
                "contract; backfills then plan for it"
            )
    return None


def _overlap(prefix: str, area: str) -> bool:
    return prefix.startswith(f"{area}/") or f"{area}/".startswith(prefix)
