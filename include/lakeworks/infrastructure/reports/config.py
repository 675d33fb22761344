"""`request_metrics` and `storage_class_analysis` of lake.yml."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from lakeworks.infrastructure.lifecycle_config import WORD, Part


class PrefixMetrics(Part):
    """Request metrics of a prefix in CloudWatch: numbers, errors, bytes and latency, each minute."""

    id: str = Field(
        pattern=WORD, description="Name of the configuration, and the metrics' `FilterId` after `lakeworks-`."
    )
    prefix: str = Field("", description="Default: the whole bucket, in every bucket with layers.")


class PrefixAnalysis(Part):
    """S3's observation of how old objects are when they are read. It needs 30 days before it recommends anything."""

    id: str = Field(pattern=WORD)
    prefix: str = Field("", description="Default: the whole bucket, in every bucket with layers.")
    export: bool = Field(True, description="Write a CSV file a day into the log bucket, else into the lake's own.")
    export_prefix: str = Field("_analysis", pattern=r"^[^/].*[^/]$", description="Folder of the export.")
    expire_after_days: int = Field(90, ge=1, description="Days for which an export in the lake's own bucket is kept.")


def ids_are_unique(name: str, configurations: Sequence[Any]) -> None:
    """Refuse two configurations of one id: S3 would keep the later.

    Raises:
        ValueError: there are two.
    """
    ids = [one.id for one in configurations]
    if len(set(ids)) != len(ids):
        raise ValueError(f"two entries of {name} have one id: {max(ids, key=ids.count)}")
