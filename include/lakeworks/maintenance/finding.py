"""Findings: the places where ledger, objects and catalog disagree, and which of them a repair may change."""

from dataclasses import dataclass
from typing import Literal, get_args

from lakeworks.core.partition import Partition
from lakeworks.maintenance.catalog_difference import LEFT_ALONE
from lakeworks.maintenance.catalog_difference import DifferenceKind as CatalogKind
from lakeworks.maintenance.half_runs import RunKind

ObjectKind = Literal[
    "unfinished", "missing object", "changed object", "pin not current", "past retention",
    "abandoned", "lost object", "foreign object",
]  # fmt: skip
# The bucket cannot restore it, or another program wrote it. A run or a person decides.
_LEFT_ALONE = ("abandoned", "lost object", "foreign object")
# A person decides: file or catalog may be wrong, the partition is to be withdrawn, or the bucket is to be set up.
ContentKind = Literal["file contradicts catalog", "impossible partition", "untagged", "not versioned"]
FindingKind = ObjectKind | RunKind | ContentKind | CatalogKind


@dataclass(frozen=True)
class VerificationFinding:
    """One place where ledger, objects and catalog disagree."""

    kind: FindingKind
    partition: Partition
    detail: str

    @property
    def can_be_repaired(self) -> bool:
        """Return True if repair may act. It only reports objects of others, and objects that only a run can rebuild."""
        return self.kind not in (*_LEFT_ALONE, *get_args(ContentKind), *LEFT_ALONE)
