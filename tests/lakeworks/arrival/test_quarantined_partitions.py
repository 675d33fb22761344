"""Moments that no Python date has, in rows that are quarantined for them."""

import pyarrow as pa
import pytest

from lakeworks.arrival.quarantined_partitions import partition_values
from lakeworks.contract import load_contract

BARS = "silver.market.crypto_bars"


@pytest.mark.parametrize("beyond", [2**63 - 1, -(2**63 - 1)])
def test_infinity_names_no_partition_and_stops_no_run(beyond: int) -> None:
    at = pa.array([0, beyond], pa.int64()).cast(pa.timestamp("us"))
    named = [*partition_values(load_contract(BARS), pa.record_batch({"bar_at": at}))]
    assert [values["bar_at"] and values["bar_at"].year for values in named] == [1970, None]
