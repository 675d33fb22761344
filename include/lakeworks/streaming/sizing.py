"""Shards a stream needs, and the price of both capacity modes.

Kinesis bounds a shard by bytes *and* by records, in both directions. Prices are us-east-1 list prices of November 2025.
"""

import math
from dataclasses import dataclass

from lakeworks.errors import ConfigError

SHARD_RECORDS, SHARD_BYTES_IN, SHARD_BYTES_OUT = 1000, 1 << 20, 2 << 20
SHARD_READS = 5  # GetRecords calls a second that all consumers of a shard share
HOURS = 730
_SHARD_HOUR, _PUT_UNIT_MILLION, _PUT_UNIT = 0.015, 0.014, 25 * 1024
_STREAM_HOUR, _GB_IN, _GB_OUT = 0.04, 0.08, 0.04
_FAN_OUT_SHARD_HOUR, _FAN_OUT_GB, _ON_DEMAND_FAN_OUT_GB = 0.015, 0.013, 0.05
_GB = 1 << 30


@dataclass(frozen=True)
class StreamLoad:
    """Records a second, mean bytes of a record with its key, consumers, and the share of the busiest key."""

    records_per_s: float
    record_bytes: int
    consumers: int = 1
    hottest_share: float = 0.0
    fan_out: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers that no stream has."""
        if not (self.records_per_s > 0 and 1 <= self.record_bytes <= 1 << 20 and self.consumers >= 1):
            raise ConfigError(
                "A stream has more than 0 records a second, of 1 to 1,048,576 bytes with their key, and 1 consumer or more. "
                "Nothing was computed."
            )
        if not 0 <= self.hottest_share <= 1:
            raise ConfigError("The share of the busiest key lies between 0 and 1. Nothing was computed.")

    @property
    def bytes_per_s(self) -> float:
        """Bytes that producers send in a second."""
        return self.records_per_s * self.record_bytes


@dataclass(frozen=True)
class StreamSize:
    """The shards that each bound asks for, the dollars a month of both modes, and warnings."""

    by_bound: dict[str, int]
    provisioned_usd: float
    on_demand_usd: float
    warnings: tuple[str, ...]

    @property
    def shards(self) -> int:
        """The largest of the bounds."""
        return max(self.by_bound.values())

    @property
    def cheaper(self) -> str:
        """The mode that costs less at a load that is always the same."""
        return "provisioned" if self.provisioned_usd <= self.on_demand_usd else "on-demand"


def size_stream(load: StreamLoad) -> StreamSize:
    """Return what a load needs. Kinesis reads for each consumer, unless consumers have enhanced fan-out."""
    reads = 1 if load.fan_out else load.consumers
    by_bound = {
        "records in (1,000/s a shard)": math.ceil(load.records_per_s / SHARD_RECORDS),
        "bytes in (1 MiB/s a shard)": math.ceil(load.bytes_per_s / SHARD_BYTES_IN),
        "bytes out (2 MiB/s a shard)": math.ceil(load.bytes_per_s * reads / SHARD_BYTES_OUT),
    }
    shards = max(by_bound.values())
    return StreamSize(by_bound, _provisioned(load, shards), _on_demand(load), tuple(_warnings(load)))


def _provisioned(load: StreamLoad, shards: int) -> float:
    units = load.records_per_s * math.ceil(load.record_bytes / _PUT_UNIT) * HOURS * 3600
    price = shards * HOURS * _SHARD_HOUR + units / 1e6 * _PUT_UNIT_MILLION
    if load.fan_out:
        price += load.consumers * (shards * HOURS * _FAN_OUT_SHARD_HOUR + _gb_a_month(load) * _FAN_OUT_GB)
    return round(price, 2)


def _on_demand(load: StreamLoad) -> float:
    out = _ON_DEMAND_FAN_OUT_GB if load.fan_out else _GB_OUT
    # A record counts as a whole number of KiB.
    rounded = load.records_per_s * math.ceil(load.record_bytes / 1024) * 1024 * HOURS * 3600 / _GB
    return round(HOURS * _STREAM_HOUR + rounded * _GB_IN + _gb_a_month(load) * out * load.consumers, 2)


def _gb_a_month(load: StreamLoad) -> float:
    return load.bytes_per_s * HOURS * 3600 / _GB


def _warnings(load: StreamLoad) -> list[str]:
    warnings = []
    hot_records, hot_bytes = load.records_per_s * load.hottest_share, load.bytes_per_s * load.hottest_share
    if hot_records > SHARD_RECORDS or hot_bytes > SHARD_BYTES_IN:
        warnings.append(
            f"hot key: the busiest key sends {hot_records:,.0f} records/s and {hot_bytes / SHARD_BYTES_IN:.2f} MiB/s, and one "
            "key goes to one shard. No number of shards helps: add something to the key, such as the order's number."
        )
    if not load.fan_out and load.consumers > SHARD_READS:
        warnings.append(
            f"{load.consumers} consumers share {SHARD_READS} reads a second of each shard: one waits "
            f"{load.consumers / SHARD_READS:.1f} s between its reads. Give them enhanced fan-out (--fan-out)."
        )
    return warnings
