"""Shards by each bound, hot keys, and prices computed by hand."""

import pytest

from lakeworks.errors import ConfigError
from lakeworks.streaming.sizing import StreamLoad, size_stream


@pytest.mark.parametrize(
    ("load", "shards"),
    [
        (StreamLoad(1000, 100), 1),
        (StreamLoad(1001, 100), 2),  # records
        (StreamLoad(10, 1 << 20), 10),  # bytes in
        (StreamLoad(10, 1 << 20, consumers=3), 15),  # bytes out: 30 MiB/s of 2 MiB/s
        (StreamLoad(10, 1 << 20, consumers=3, fan_out=True), 10),
    ],
)
def test_the_largest_bound_decides(load: StreamLoad, shards: int) -> None:
    assert size_stream(load).shards == shards


def test_a_key_that_no_number_of_shards_helps_is_named() -> None:
    (warning,) = size_stream(StreamLoad(3000, 100, hottest_share=0.5)).warnings
    assert "1,500 records/s" in warning
    assert size_stream(StreamLoad(3000, 100, hottest_share=0.3)).warnings == ()
    assert "6 consumers share 5 reads" in size_stream(StreamLoad(10, 100, consumers=6)).warnings[0]


def test_prices_are_the_arithmetic() -> None:
    found = size_stream(StreamLoad(100, 1024))
    # a shard: 730 h at 0.015; 100 units a second for 730 h at 0.014 a million
    assert found.provisioned_usd == pytest.approx(730 * 0.015 + 100 * 730 * 3600 / 1e6 * 0.014, abs=0.01)
    # a stream: 730 h at 0.04; 250.6 GB in at 0.08 and out at 0.04
    gigabytes = 100 * 1024 * 730 * 3600 / 2**30
    assert found.on_demand_usd == pytest.approx(730 * 0.04 + gigabytes * 0.12, abs=0.01)
    assert found.cheaper == "provisioned"


@pytest.mark.parametrize("wrong", [(0, 100, 1, 0), (1, 0, 1, 0), (1, 2 << 20, 1, 0), (1, 1, 0, 0), (1, 1, 1, 1.5)])
def test_loads_that_no_stream_has_are_refused(wrong: tuple[float, int, int, float]) -> None:
    with pytest.raises(ConfigError, match="Nothing was computed"):
        StreamLoad(*wrong)
