"""Keys of the bucket."""

import itertools

import pytest

from lakeworks.core.layout import live_prefix, owner_of, safe_id, versions_partition, versions_prefix
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition


def test_two_run_ids_never_share_a_key_part() -> None:
    """Airflow's ids hold characters that S3 clients escape differently; what replaces them tells nothing apart."""
    ids = [
        "a:b",
        "a+b",
        "a-b",
        "a b",
        "a::b",
        "scheduled__2026-01-01T00:00:00+00:00",
        "scheduled__2026-01-01T00-00-00-00-00",
    ]
    ids += [safe_id(name) for name in ids if safe_id(name) != name]
    for one, two in itertools.combinations(ids, 2):
        assert safe_id(one) != safe_id(two), (one, two)


@pytest.mark.parametrize("name", ["manual__1", "rollback__20261128T220900-3f2a11bc", "a.b_c-d"])
def test_a_run_id_that_is_a_key_part_stays_readable(name: str) -> None:
    assert safe_id(name) == name


@pytest.mark.parametrize("path", ["year=2026/month=11", ""])
def test_an_immutable_object_is_read_back_to_its_table_and_partition(path: str) -> None:
    table, partition = TableName.parse("silver.market.prices"), Partition.parse(path)
    key = f"{versions_prefix(table, 'run.1', partition)}part-00000.parquet"
    assert not key.startswith(live_prefix(table, Partition()))
    assert (versions_partition(table, key), owner_of(key).table) == (path, str(table))
    earlier = key.replace("prices.versions/", "prices/_versions/")
    assert (versions_partition(table, earlier), owner_of(earlier).table) == (path, str(table))
    assert versions_partition(table, f"{live_prefix(table, partition)}part-00000.parquet") is None
