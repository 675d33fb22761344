"""A finding of garbage collection: what can be removed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Garbage:
    """An object or upload that can be removed."""

    kind: str
    where: str
    objects: int
    bytes: int
