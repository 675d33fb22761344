"""The short storm over an Iceberg table; `make chaos` runs the long one."""

from pathlib import Path

import pytest

from lakeworks.lake import Lake
from tests.chaos.iceberg import DAYS, ROWS_A_DAY, iceberg_storm
from tests.lakeworks.iceberg.orders import Orders, contract


@pytest.mark.timeout(600)
def test_killed_writers_never_show_an_iceberg_reader_half_a_run(lake: Lake, moto_url: str, tmp_path: Path) -> None:
    orders = Orders(lake, moto_url, contract(partition_by=["day(order_date)"]))
    tally = iceberg_storm(orders, kills=8, seed=5)
    assert (tally.bad, tally.unhealed, tally.crashed) == ([], [], 0)
    assert tally.reads > 5, "the reader really looked"
    assert len(orders.by_iceberg()) == DAYS * ROWS_A_DAY
