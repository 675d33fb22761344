"""DuckDB's Iceberg extension beside pyiceberg: both read the ledger's rows, in the middle of a storm of killed writers too.

Spark's Iceberg reader is a JAR of Maven, and on no Python index. Run by `make conformance`.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest
from botocore.exceptions import ClientError

from lakeworks.lake import Lake
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from tests.chaos.iceberg import by_pyiceberg, iceberg_storm
from tests.conftest import KEYS, client
from tests.lakeworks.iceberg.orders import Orders, Row, contract, row, sorted_rows

EXTENSIONS = Path(__file__).resolve().parents[2] / ".local" / "conformance-duckdb"


def extension(name: str) -> Path:
    found = [*EXTENSIONS.glob(f"duckdb_extension_{name}/extensions/*/{name}.duckdb_extension")]
    if not found:
        pytest.skip("DuckDB's extensions are not installed. `make conformance` installs them.")
    return found[0]


def by_duckdb(orders: Orders, where: str = "true") -> Sequence[Row] | None:
    """Rows by the metadata file that Glue names, as docs/iceberg.md says."""
    try:
        found = client("glue", orders.url).get_table(DatabaseName="gold_shop", Name="orders_iceberg")["Table"]
    except ClientError:
        return None
    with duckdb.connect() as connection:
        for name in ("httpfs", "avro", "iceberg"):
            connection.execute(f"LOAD '{extension(name)}'")
        connection.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{KEYS['aws_access_key_id']}', SECRET '{KEYS['aws_secret_access_key']}', "
            f"ENDPOINT '{urlsplit(orders.url).netloc}', URL_STYLE 'path', USE_SSL false, REGION 'us-east-1')"
        )
        address = found["Parameters"]["metadata_location"]
        return sorted_rows(
            connection.execute(f"SELECT * FROM iceberg_scan(?) WHERE {where}", [address]).to_arrow_table()
        )


def test_every_act_arrives_at_duckdb(lake: Lake, moto_url: str) -> None:
    orders = Orders(lake, moto_url, contract())
    first = orders.publish([row(1, 1), row(2, 1, "south"), row(3, 2), row(4, 3, None)])
    assert by_duckdb(orders) == orders.by_ledger()
    orders.publish([row(1, 1, amount="9.99"), row(2, 1, "south", "2.00"), row(5, 4)])
    assert by_duckdb(orders) == orders.by_ledger()
    rollback(orders.lake, orders.wanted, first[0].parsed)
    assert by_duckdb(orders) == orders.by_ledger()
    withdraw(orders.lake, orders.wanted, first[1].parsed)
    assert by_duckdb(orders) == orders.by_ledger()


def test_duckdb_skips_no_file_that_has_a_row_of_its_answer(lake: Lake, moto_url: str) -> None:
    """Filters beyond NaN are not asked: its own Parquet reader skips NaN by the footer, unless `can_have_nan` is set."""
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
    assert {text: [row[0] for row in by_duckdb(orders, text) or ()] for text in asked} == asked


@pytest.mark.timeout(900)
def test_duckdb_reads_whole_runs_in_a_storm(lake: Lake, moto_url: str) -> None:
    orders = Orders(lake, moto_url, contract(partition_by=["day(order_date)"]))
    tally = iceberg_storm(orders, kills=6, seed=11, clients=(by_pyiceberg, by_duckdb))
    assert (tally.bad, tally.unhealed, tally.crashed) == ([], [], 0)
    assert by_duckdb(orders) == orders.by_ledger() != []
