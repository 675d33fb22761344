"""Apache Spark reads what the lake publishes: by the folders, and by what Glue says of them.

Run by `make conformance`, which installs Spark and a JDK; skipped where they are not installed.
"""

import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from lakeworks.contract import Contract
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.parquet.dataset import open_dataset
from tests.conformance.spark_session import by_duckdb, configured, downloaded, register, rows_in, rows_of
from tests.conftest import contract_of
from tests.lakeworks.catalog.test_readers import publish
from tests.protocol.test_versioned import Publishing
from tests.protocol.test_versioned import contract as versioned
from tests.protocol.test_versioned import table as numbers

RunAt = Callable[..., Run]
# What the writer's own tests know as awkward, every character Hive escapes, and text that looks like another type.
AWKWARD = [
    "BRK/B", "a b", "ü x", "50%", "a=b", "%2F", "a%20b", "日本", "🚕", "c:d", "it's", 'say "x"', "#1", "a+b", "a*b?", "[a]{b}^",
    "back\\slash", "line\nbreak", "tab\t", "\x7f", ".hidden", "_under", " lead", "trail ", "A", "a", "007", "1.50", "true", "2026-01-01",
    "null", "a,b", "~", "&", "$x", "x" * 200, None,
]  # fmt: skip


def by_symbol(*by: str) -> Contract:
    kinds = {"id": "bigint", "symbol": "string"}
    fields = {name: {"type": kind, "required": name == "id", "description": name} for name, kind in kinds.items()}
    return contract_of("silver.test.symbols", columns=fields, partition_by=list(by))


def ours(lake: Lake, contract: Contract) -> pa.Table:
    return open_dataset(lake.store, contract, lake.ledger.live_partitions(contract.table).values()).to_table()


def pairs(rows: list[dict[str, Any]]) -> dict[int, str | None]:
    return {row["id"]: row["symbol"] for row in rows}


@pytest.fixture
def awkward(lake: Lake, run_at: RunAt) -> Lake:
    values = [*AWKWARD, ""]  # the last two share Hive's default partition
    publish(lake, by_symbol("symbol"), [{"id": i, "symbol": value} for i, value in enumerate(values)], run_at(1))
    return lake


def test_awkward_partition_values_are_the_same_for_every_reader(spark: Any, awkward: Lake, tmp_path: Path) -> None:
    contract, expected = by_symbol("symbol"), {**dict(enumerate(AWKWARD)), len(AWKWARD): None}
    folder = downloaded(awkward, contract, tmp_path)
    assert pairs(rows_in(ours(awkward, contract))) == expected, "the empty text is null, as Hive has it"
    hive = ds.partitioning(pa.schema([("symbol", pa.string())]), flavor="hive")
    assert pairs(rows_in(ds.dataset(folder, partitioning=hive, format="parquet").to_table())) == expected
    null_to_duckdb = {number: None if value == "null" else value for number, value in expected.items()}
    assert pairs(rows_in(by_duckdb(folder))) == null_to_duckdb, (
        "DuckDB alone takes the text `null` of a folder's name for a missing value"
    )
    assert pairs(rows_of(spark.read.parquet(str(folder)))) == expected
    glue = register(spark, awkward, contract, tmp_path)
    assert pairs(rows_of(spark.table(glue))) == expected
    for number, value in expected.items():
        asked = spark.table(glue).where(spark.table(glue).symbol.eqNullSafe(value))
        assert number in pairs(rows_of(asked)), f"{value!r} is found by a filter on the partition"


def test_values_that_look_like_numbers_keep_their_zeros_by_glue_and_lose_them_by_path(
    spark: Any, lake: Lake, run_at: RunAt, tmp_path: Path
) -> None:
    contract = by_symbol("symbol")
    publish(lake, contract, [{"id": 0, "symbol": "007"}, {"id": 1, "symbol": "010"}], run_at(1))
    folder = str(downloaded(lake, contract, tmp_path))
    assert pairs(rows_of(spark.table(register(spark, lake, contract, tmp_path)))) == {0: "007", 1: "010"}
    assert pairs(rows_of(spark.read.parquet(folder))) == {0: 7, 1: 10}
    with configured(spark, {"spark.sql.sources.partitionColumnTypeInference.enabled": "false"}):
        assert pairs(rows_of(spark.read.parquet(folder))) == {0: "007", 1: "010"}


TYPED: dict[str, tuple[str, list[Any]]] = {
    "flag": ("boolean", [True, False, None]),
    "tiny": ("tinyint", [-128, 127, None]),
    "small": ("smallint", [-(2**15), 2**15 - 1, None]),
    "whole": ("int", [-(2**31), 2**31 - 1, None]),
    "big": ("bigint", [-(2**63), 2**63 - 1, None]),
    "single": ("float", [1.5, math.inf, None]),
    "real": ("double", [math.nan, -0.0, 5e-324]),
    "money": ("decimal(10,2)", [Decimal("-99999999.99"), Decimal("0.01"), None]),
    "long_money": ("decimal(18,8)", [Decimal("9999999999.99999999"), Decimal("0.00000001"), None]),
    "units": ("decimal(20,0)", [Decimal("99999999999999999999"), Decimal(-1), None]),
    "widest": ("decimal(38,18)", [Decimal("99999999999999999999.999999999999999999"), Decimal(0), None]),
    "words": ("string", ["", "日本 🚕\n\x00", None]),
    "raw": ("binary", [b"", b"\x00\xff", None]),
    "day": ("date", [date(1582, 10, 4), date(9999, 12, 31), None]),
    "at": ("timestamp", [datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2026, 3, 8, 2, 30, 0, 1), None]),
    "old_at": ("timestamp", [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(1883, 11, 18, 12, 3, 58)]),
    "marks": ("list<int>", [[1, None, 3], [], None]),
    "times": ("list<timestamp>", [[datetime(2026, 1, 1), None], [], None]),
    "who": ("struct<name:string,born:date,tags:list<string>>", [{"name": "Zoë", "born": date(1815, 12, 10), "tags": ["a", ""]}, {"name": None, "born": None, "tags": None}, None]),
    "sums": ("map<string,decimal(10,2)>", [{"a": Decimal("1.00"), "b": None}, {}, None]),
    "deep": ("list<struct<k:int,v:map<string,list<double>>>>", [[{"k": 1, "v": {"x": [0.1, None]}}, None], [], None]),
}  # fmt: skip


@pytest.fixture
def typed(lake: Lake, run_at: RunAt) -> tuple[Lake, Contract]:
    """Every type of a contract, at its ends and missing, in tables with and without partitions."""
    columns = {name: {"type": kind, "description": name} for name, (kind, _) in TYPED.items()}
    contract = contract_of(
        "silver.test.typed", columns={"id": {"type": "int", "required": True, "description": "key"}, **columns}
    )
    rows = [{"id": i, **{name: values[i] for name, (_, values) in TYPED.items()}} for i in range(3)]
    publish(
        lake,
        contract,
        [{key: list(v.items()) if key == "sums" and v else v for key, v in item.items()} for item in rows],
        run_at(1),
    )
    return lake, contract


AS_WRITTEN = {"spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED"}


@pytest.mark.parametrize("vectorized", ["true", "false"])
def test_every_type_has_the_same_values(
    spark: Any, typed: tuple[Lake, Contract], tmp_path: Path, vectorized: str
) -> None:
    lake, contract = typed
    folder = downloaded(lake, contract, tmp_path)
    expected = rows_in(ours(lake, contract))
    assert [row["money"] for row in expected] == TYPED["money"][1]
    assert rows_in(by_duckdb(folder).sort_by("id").select(list(contract.columns))) == expected
    with configured(spark, {"spark.sql.parquet.enableVectorizedReader": vectorized, **AS_WRITTEN}):
        glue = spark.table(register(spark, lake, contract, tmp_path))
        by_path = spark.read.parquet(str(folder))
        for name in contract.columns:
            told = [[row[name] for row in rows_of(found.orderBy("id").select("id", name))] for found in (glue, by_path)]
            assert told == [[row[name] for row in expected]] * 2, name


def test_spark_3_reads_dates_before_1582_and_timestamps_before_1900_with_its_corrected_setting(
    spark: Any, typed: tuple[Lake, Contract], tmp_path: Path
) -> None:
    """Spark 3 cannot tell a file of ours from one of Spark 2, which counted days by another calendar: it refuses to guess."""
    lake, contract = typed
    downloaded(lake, contract, tmp_path)
    glue = spark.table(register(spark, lake, contract, tmp_path)).orderBy("id")
    with configured(spark, AS_WRITTEN):
        assert [row["day"] for row in rows_of(glue.select("day"))] == TYPED["day"][1]
    if spark.version.startswith("3."):
        for name in ("day", "old_at"):
            with pytest.raises(Exception, match="READ_ANCIENT_DATETIME"):
                rows_of(glue.select(name))
    assert [row["at"] for row in rows_of(glue.select("at"))] == TYPED["at"][1], (
        "those of 1900 and later need no setting"
    )


def test_a_timestamp_is_an_instant_of_utc_by_glue_and_wall_time_by_path(
    spark: Any, typed: tuple[Lake, Contract], tmp_path: Path
) -> None:
    """Glue's `timestamp` is Spark's with a zone: shown in the session's. Without Glue Spark takes TIMESTAMP_NTZ from the file."""
    lake, contract = typed
    folder = downloaded(lake, contract, tmp_path)
    glue, by_path = spark.table(register(spark, lake, contract, tmp_path)), spark.read.parquet(str(folder))
    assert (dict(glue.dtypes)["at"], dict(by_path.dtypes)["at"]) == ("timestamp", "timestamp_ntz")
    with configured(spark, {"spark.sql.session.timeZone": "America/New_York"}):
        asked = ["CAST(at AS STRING) AS at"]
        assert glue.where("id = 0").selectExpr(*asked).first().at == "1969-12-31 18:59:59.999999"
        assert by_path.where("id = 0").selectExpr(*asked).first().at == "1969-12-31 23:59:59.999999"
        assert by_path.where("id = 1").selectExpr(*asked).first().at == "2026-03-08 02:30:00.000001", (
            "no such hour there"
        )


def test_of_partitions_of_several_objects_only_the_live_ones_are_read(
    spark: Any, lake: Lake, run_at: RunAt, tmp_path: Path
) -> None:
    publishing = Publishing(lake, versioned())
    superseded = publishing.publish(numbers(4000), run_at(1))
    entry = publishing.publish(numbers(3000, factor=2.0), run_at(2))
    downloaded(lake, versioned(), tmp_path)
    assert min(len(superseded.objects), len(entry.objects)) > 1
    assert all((tmp_path / item.key).is_file() for item in superseded.objects), "superseded ones lie beside them"
    glue = spark.table(register(spark, lake, versioned(), tmp_path))
    found = rows_of(glue.select("id", "value").orderBy("id"))
    assert found == rows_in(publishing.by_ledger().sort_by("id").select(["id", "value"]))
    assert len(found) == 3000
