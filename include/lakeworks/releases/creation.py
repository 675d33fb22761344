"""Creation of releases: the publications that are live now, or were live at a moment, under a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lakeworks.contract import Contract
from lakeworks.errors import ConfigError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.releases.past_state import live_at
from lakeworks.releases.release import Release, ReleaseRegister, checked_name

# The nightly maintenance copies replaced versions. It must run at least once before the bucket deletes them.
LEAST_ROLLBACK_DAYS = 2
_NO_VERSION = (None, "null")


@dataclass(frozen=True)
class ReleaseRequest:
    """The request of a person for a release."""

    name: str
    as_of: datetime | None = None
    until: date | None = None
    note: str = ""


def create_release(lake: Lake, contracts: Sequence[Contract], request: ReleaseRequest) -> Release:
    """Write a release of some tables. Every object version that it names exists at this time.

    Raises:
        ConfigError: the name cannot be one or is taken, or the bucket cannot hold a release.
        LakeNotFound: nothing was live, or the bucket deleted a version.
    """
    checked_name(request.name)
    now = lake.store.now()
    _refuse_short_lived(lake, request, now)
    entries = _live(lake, contracts, request.as_of)
    if not entries:
        when = f" at {request.as_of:%Y-%m-%d %H:%M} UTC" if request.as_of else ""
        raise LakeNotFound(f"Nothing was live{when} in these tables. No release was written. See: lakeworks ledger")
    if unversioned := [entry for entry in entries if any(item.version_id in _NO_VERSION for item in entry.objects)]:
        raise ConfigError(
            f"{unversioned[0].where} was published while the bucket kept no versions, so a release could not hold what runs "
            f"replace. No release was written. Turn versions on (lakeworks bootstrap), then: lakeworks repair "
            f"{unversioned[0].table}"
        )
    if gone := missing(lake, entries):
        raise LakeNotFound(
            f"The bucket no longer has {len(gone)} of {len(entries)} publications, first {gone[0].where} (publication "
            f"{gone[0].live_seq}). No release was written. Choose a later moment, or tables without them."
        )
    release = Release(
        name=request.name, created_at=now, as_of=request.as_of, until=request.until, note=request.note,
        tables=tuple(contract.name for contract in contracts),
        entries=tuple(entry.model_copy(update={"audit": None}) for entry in entries),
    )  # fmt: skip
    return ReleaseRegister(lake.store).create(release).document


def missing(lake: Lake, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Return the entries of which the bucket no longer has every version."""
    pins = [(entry, item) for entry in entries for item in entry.objects]
    heads = lake.store.map(lambda pin: lake.store.head(pin[1].key, pin[1].version_id), pins)
    lost = [entry for (entry, _), head in zip(pins, heads, strict=True) if head is None]
    return list({entry.key: entry for entry in lost}.values())


def _live(lake: Lake, contracts: Sequence[Contract], moment: datetime | None) -> list[LedgerEntry]:
    if moment:
        return [entry for contract in contracts for entry in live_at(lake, contract, moment)]
    lake = lake.with_whole_runs([contract.table for contract in contracts])
    by_table = [lake.ledger.live_partitions(contract.table) for contract in contracts]
    return [entry for live in by_table for _, entry in sorted(live.items(), key=lambda item: item[0].path)]


def _refuse_short_lived(lake: Lake, request: ReleaseRequest, now: datetime) -> None:
    days = lake.lifecycle.rollback_days
    if days < LEAST_ROLLBACK_DAYS:
        raise ConfigError(
            f"The bucket deletes replaced versions after {days} day (lifecycle.rollback_days), and the nightly maintenance may "
            f"come too late to copy them. No release was written. Set at least {LEAST_ROLLBACK_DAYS} in lake.yml."
        )
    if request.until and request.until < now.date():
        raise ConfigError(f"--until {request.until} is over. No release was written.")
