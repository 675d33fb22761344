"""DuckDB's and Spark's Iceberg readers beside pyiceberg: all read the ledger's rows, in a storm of killed writers too.

Iceberg's runtime for Spark comes in a wheel that another product made of its JARs. Run by `make conformance`.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import duckdb
import pytest
from botocore.exceptions import ClientError

from lakeworks.engines.spark import find_spark
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from tests.chaos.iceberg import by_pyiceberg, iceberg_storm
from tests.conformance.spark_iceberg import JARS, RUNTIME, SparkIceberg
from tests.conftest import KEYS, client
from tests.lakeworks.iceberg.orders import Orders, Row, contract, row, sorted_rows

EXTENSIONS = Path(__file__).resolve().parents[2] / ".local" / "conformance-duckdb"


def extension(name: str) -> Path:
    found = [*EXTENSIONS.glob(f"duckdb_extension_{name}/extensions/*/{name}.duckdb_extension")]
    if not found:
        pytest.skip("DuckDB's extensions are not installed. `make conformance` installs them.")
    return found[0]


class Reader(Protocol):
    """Rows as a client of Iceberg reads them; None if there is no table yet."""

    __name__: str

    def __call__(self, orders: Orders, where: str = "true", snapshot: int | None = None) -> Sequence[Row] | None: ...


def metadata_of(orders: Orders) -> str | None:
    """The metadata file that Glue names, as docs/iceberg.md says."""
    try:
        found = client("glue", orders.url).get_table(DatabaseName="gold_shop", Name="orders_iceberg")["Table"]
    except ClientError:
        return None
    return str(found["Parameters"]["metadata_location"])


def by_duckdb(orders: Orders, where: str = "true", snapshot: int | None = None) -> Sequence[Row] | None:
    """Rows by DuckDB's extension."""
    if (address := metadata_of(orders)) is None:
        return None
    with duckdb.connect() as connection:
        for name in ("httpfs", "avro", "iceberg"):
            connection.execute(f"LOAD '{extension(name)}'")
        connection.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{KEYS['aws_access_key_id']}', SECRET '{KEYS['aws_secret_access_key']}', "
            f"ENDPOINT '{urlsplit(orders.url).netloc}', URL_STYLE 'path', USE_SSL false, REGION 'us-east-1')"
        )
        past = f", snapshot_from_id => {snapshot}" if snapshot else ""
        return sorted_rows(
            connection.execute(f"SELECT * FROM iceberg_scan(?{past}) WHERE {where}", [address]).to_arrow_table()
        )


@pytest.fixture(scope="module")
def by_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Rows by Iceberg's own runtime in Spark."""
    try:
        release = find_spark()
    except ConfigError as error:
        pytest.skip(f"{error} `make conformance` installs it.")
    if not release.startswith("3.5."):
        pytest.skip(f"Iceberg's runtime in the wheel is for Spark 3.5, and this is {release}.")
    found = [*JARS.glob(RUNTIME)]
    if not found:
        pytest.skip("Iceberg's runtime for Spark is not installed. `make conformance` installs it.")
    spark = SparkIceberg(tmp_path_factory.mktemp("spark_iceberg"), found[0])

    def by_spark(orders: Orders, where: str = "true", snapshot: int | None = None) -> Sequence[Row] | None:
        address = metadata_of(orders)
        return address and sorted_rows(spark.rows(orders.lake.store, address, where, snapshot))

    yield by_spark
    spark.stop()


@pytest.fixture(params=["duckdb", "spark"])
def read(request: pytest.FixtureRequest) -> Reader:
    return by_duckdb if request.param == "duckdb" else request.getfixturevalue("by_spark")


def test_every_act_arrives(lake: Lake, moto_url: str, read: Reader) -> None:
    orders = Orders(lake, moto_url, contract())
    first = orders.publish([row(1, 1), row(2, 1, "south"), row(3, 2), row(4, 3, None)])
    assert read(orders) == orders.by_ledger()
    orders.publish([row(1, 1, amount="9.99"), row(2, 1, "south", "2.00"), row(5, 4)])
    assert read(orders) == orders.by_ledger()
    rollback(orders.lake, orders.wanted, first[0].parsed)
    assert read(orders) == orders.by_ledger()
    withdraw(orders.lake, orders.wanted, first[1].parsed)
    assert read(orders) == orders.by_ledger()


def test_a_past_snapshot_has_the_rows_that_it_had(lake: Lake, moto_url: str, read: Reader) -> None:
    orders = Orders(lake, moto_url, contract())
    orders.publish([row(1, 1), row(2, 1, "south"), row(3, 2)])
    before, snapshot = orders.by_ledger(), orders.iceberg().current_snapshot()
    orders.publish([row(1, 1, amount="9.99"), row(4, 2, "south")])
    assert snapshot
    assert read(orders, snapshot=snapshot.snapshot_id) == before != orders.by_ledger() == read(orders)


def test_no_file_that_has_a_row_of_the_answer_is_skipped(lake: Lake, moto_url: str, read: Reader) -> None:
    """Neither is asked beyond NaN: their Parquet readers skip row groups by the footer, which does not count NaN."""
    columns = {
        "order_id": {"type": "bigint", "required": True, "description": ""},
        "order_date": {"type": "date", "required": True, "description": ""},
        "score": {"type": "double", "description": ""},
        "note": {"type": "string", "description": ""},
    }
    orders = Orders(lake, moto_url, contract(columns=columns, partition_by=["day(order_date)"]))
    rows = [
        (1, date(2019, 1, 1), 1.5, "a" * 15 + "\ud7ff" * 3), (2, date(2019, 1, 2), float("nan"), None),
        (3, date(2019, 1, 2), 2.5, "b" * 40), (4, date(2019, 1, 3), 9.0, "c" * 5000),
    ]  # fmt: skip
    orders.publish(rows)
    asked = {
        "score >= 2.5 AND order_id > 2": [3, 4], "score < 2": [1], "order_id = 3": [3], "order_id > 4": [],
        "note > 'aaaaaaaaaaaaaaaaa'": [1, 3, 4], "note LIKE 'bbb%'": [3], "note >= 'cc'": [4], "note IS NULL": [2],
    }  # fmt: skip
    assert {text: [row[0] for row in read(orders, text) or ()] for text in asked} == asked


@pytest.mark.timeout(900)
def test_both_read_whole_runs_in_a_storm(lake: Lake, moto_url: str, by_spark: Reader) -> None:
    orders = Orders(lake, moto_url, contract(partition_by=["day(order_date)"]))
    tally = iceberg_storm(orders, kills=6, seed=11, clients=(by_pyiceberg, by_duckdb, by_spark))
    assert (tally.bad, tally.unhealed, tally.crashed) == ([], [], 0)
    assert by_spark(orders) == by_duckdb(orders) == orders.by_ledger() != []
