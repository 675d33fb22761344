"""Presets for transfers: parallel requests, part size, and the size from which an object is sent in parts."""

from dataclasses import dataclass, replace
from typing import Literal

MIB = 1 << 20
ProfileName = Literal["slow", "medium", "fast", "very_fast", "single"]


@dataclass(frozen=True)
class TransferProfile:
    """One budget for files and parts together: never more than `threads` requests are under way.

    Memory holds at most `threads` times `single_request_bytes`. S3 takes parts from 5 MiB on.
    """

    threads: int
    part_bytes: int
    single_request_bytes: int

    def with_threads(self, threads: int | None) -> "TransferProfile":
        """Return it with another number of threads, if one is given."""
        return replace(self, threads=threads) if threads else self


PROFILES: dict[ProfileName, TransferProfile] = {
    "single": TransferProfile(1, 16 * MIB, 32 * MIB),
    "slow": TransferProfile(2, 8 * MIB, 16 * MIB),
    "medium": TransferProfile(8, 16 * MIB, 32 * MIB),
    "fast": TransferProfile(16, 16 * MIB, 32 * MIB),
    "very_fast": TransferProfile(32, 16 * MIB, 32 * MIB),
}
