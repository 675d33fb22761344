"""Prediction of what builds will take, from what earlier builds of the same table took."""

from collections.abc import Sequence
from dataclasses import dataclass

_SIMILAR = 2.0  # builds up to so many times larger or smaller than the earlier ones are like them


@dataclass(frozen=True)
class PastBuild:
    """One earlier build: its size (rows, partitions) and what it took (seconds, requests)."""

    size: float
    taken: float


def predicted(samples: Sequence[PastBuild], builds: int, size: float) -> float | None:
    """Return what so many builds of a size in all will take; None without an earlier build.

    Each build takes a share of its own and a share by its size: both by least squares, neither below zero. If the earlier
    builds were all of about one size, similar builds take the mean, and others go by their size.
    """
    if not builds:
        return 0.0
    if not samples:
        return None
    count = len(samples)
    mean_size, mean = sum(x.size for x in samples) / count, sum(x.taken for x in samples) / count
    spread = sum((x.size - mean_size) ** 2 for x in samples)
    if count > 2 and spread > (mean_size**2) * count / 100:
        slope = sum((x.size - mean_size) * (x.taken - mean) for x in samples) / spread
        base = mean - slope * mean_size
        if slope < 0:
            return mean * builds
        if base < 0:
            base, slope = 0.0, sum(x.size * x.taken for x in samples) / sum(x.size**2 for x in samples)
        return base * builds + slope * size
    own = size / builds
    if not mean_size or mean_size / _SIMILAR <= own <= mean_size * _SIMILAR:
        return mean * builds
    return max(mean * size / mean_size, min(x.taken for x in samples) * builds)
