"""Empty text in an identity partition column: Hive has no folder of its own for it, it shares the nulls' one."""

import io
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.core.names import TableName
from lakeworks.core.partition import PartitionField, Period
from lakeworks.engines.build_result import RowCounts
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.parquet.partition_writer import PartitionedWriter, runs
from lakeworks.quality.rules import row_rules
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import contract_of
from tests.support.memory_s3 import MemoryS3

SOURCE, JANUARY = TableName.parse("bronze.test.rows"), Period.parse("2019-01")
SCHEMA = pa.schema([("id", pa.int64()), ("symbol", pa.string())])
SQL = "SELECT id, symbol FROM bronze_test.rows"
ROWS = [(5, ""), (1, "A"), (2, None), (4, None), (3, ""), (6, "B")]
HIVE_NULL = "symbol=__HIVE_DEFAULT_PARTITION__"


def published(
    scratch: Path, rows: list[tuple[int, str | None]], *, required: bool = False, **changes: Any
) -> tuple[dict[str, bytes], RowCounts]:
    """The bytes of each partition, and where the rows went."""
    columns = {
        "id": {"type": "bigint", "required": True, "description": ""},
        "symbol": {"type": "string", "required": required, "description": ""},
    }
    contract = contract_of(columns=columns, **{"partition_by": ["symbol"], **changes})
    table = pa.Table.from_pylist([{"id": number, "symbol": symbol} for number, symbol in rows], SCHEMA)
    store = ObjectStore(MemoryS3(), "lake", threads=2)
    with DuckDbEngine(scratch=scratch).session() as session:
        session.attach(SOURCE, table, len(rows))
        built = session.build(contract, SQL, row_rules(contract), JANUARY)
        staged = PartitionedWriter(store, contract, "_staging/x/", JANUARY, scratch).write(built.staged())
    return {item.partition: store.get(item.objects[0].key)[0] for item in staged}, built.counts


def ids(body: bytes) -> list[int]:
    found: list[int] = pq.read_table(io.BytesIO(body))["id"].to_pylist()
    return found


def test_empty_text_and_null_are_published_together_sorted_by_grain(tmp_path: Path) -> None:
    """Empty text was sorted first and null last, and the run stopped: the default partition came twice."""
    found, _ = published(tmp_path, ROWS)
    assert {path: ids(body) for path, body in found.items()} == {
        "symbol=A": [1],
        "symbol=B": [6],
        HIVE_NULL: [2, 3, 4, 5],
    }


@pytest.mark.parametrize("seed", range(5))
def test_their_bytes_do_not_depend_on_the_order_of_the_input(tmp_path: Path, seed: int) -> None:
    again = random.Random(seed).sample(ROWS, len(ROWS))
    assert published(tmp_path, again) == published(tmp_path, ROWS)


def test_a_required_category_is_missing_where_it_is_empty(tmp_path: Path) -> None:
    """Published, it would read as null in a column that promises none."""
    found, counts = published(tmp_path, ROWS, required=True)
    assert (sorted(found), counts.quarantined) == (["symbol=A", "symbol=B"], 4)


def test_empty_text_of_other_columns_stays(tmp_path: Path) -> None:
    found, _ = published(tmp_path, ROWS, partition_by=[])
    assert pq.read_table(io.BytesIO(found[""]))["symbol"].to_pylist() == ["A", None, "", None, "", "B"]


def test_a_stretch_of_both_is_one() -> None:
    rows = pa.record_batch({"id": [1, 2, 3, 4], "symbol": ["", None, "", "A"]}, schema=SCHEMA)
    assert list(runs(rows, (PartitionField.parse("symbol"),))) == [(0, 3), (3, 1)]
