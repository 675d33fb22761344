"""Reader of one past state of several tables: of a moment, of a run's end, or of a release."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from lakeworks.contract import Contract
from lakeworks.errors import ConfigError, LakeError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.releases.creation import missing
from lakeworks.releases.past_state import live_at, moment_of_run
from lakeworks.releases.release import Release, ReleaseRegister


@dataclass(frozen=True)
class PastChoice:
    """The past state that a person names; without any field, none."""

    as_of: datetime | None = None
    run: str | None = None
    release: str | None = None

    def __post_init__(self) -> None:
        if sum(choice is not None for choice in (self.as_of, self.run, self.release)) > 1:
            raise ConfigError("Give one of --as-of, --run and --release. Nothing was read.")

    def __bool__(self) -> bool:
        """Return True if it names a state."""
        return any((self.as_of, self.run, self.release))


@dataclass(frozen=True)
class PastReader:
    """One past state. Exactly one of both fields is set."""

    moment: datetime | None = None
    release: Release | None = None

    @classmethod
    def of(cls, lake: Lake, contracts: Sequence[Contract], choice: PastChoice) -> "PastReader | None":
        """Return the reader of a choice; None if it names no past state.

        Raises:
            LakeNotFound: there is no such release, or the run published nothing in these tables.
        """
        if choice.release is not None:
            return cls(release=ReleaseRegister(lake.store).read(choice.release).document)
        if choice.run is not None:
            return cls(moment=moment_of_run(lake, contracts, choice.run))
        return cls(moment=choice.as_of) if choice.as_of else None

    def entries(self, lake: Lake, contract: Contract) -> list[LedgerEntry]:
        """Return a table's publications of that state, in the order of their partitions.

        Raises:
            LakeNotFound: the release does not name the table.
        """
        if self.release:
            return list(self.release.of_table(contract.table).values())
        return live_at(lake, contract, self.moment) if self.moment else []

    @property
    def label(self) -> str:
        """Return the state in words, after `at` or `in`."""
        return f"in release `{self.release.name}`" if self.release else f"at {self.moment:%Y-%m-%d %H:%M:%S} UTC"

    @contextmanager
    def reading(self, lake: Lake, entries: Sequence[LedgerEntry]) -> Iterator[None]:
        """Explain a failed read: name the publications of this state that the bucket no longer has."""
        try:
            yield
        except LakeError:
            self.require(lake, entries)
            raise

    def require(self, lake: Lake, entries: Sequence[LedgerEntry]) -> None:
        """Require every version of some publications.

        Raises:
            LakeNotFound: the bucket no longer has one.
        """
        if gone := missing(lake, entries):
            raise LakeNotFound(
                f"The rows {self.label} cannot be read: the bucket deleted {len(gone)} of {len(entries)} publications, first "
                f"{gone[0].where} (publication {gone[0].live_seq}). Nothing was changed. {self._advice(gone[0])}"
            )

    def _advice(self, gone: LedgerEntry) -> str:
        if self.release:
            return (
                f"`lakeworks release hold` runs every night and would have copied them; see docs/releases.md. What is left: "
                f"lakeworks release show {self.release.name}"
            )
        return f"Choose a later moment: lakeworks ledger {gone.table} {gone.parsed} --json"
