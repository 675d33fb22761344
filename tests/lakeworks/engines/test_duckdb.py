"""The engine: every row accounted for, wrong SQL explained, memory bounded."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from lakeworks.contract import Contract
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import ConfigError, ContractError, RowBalanceError
from lakeworks.names import TableName
from lakeworks.partition import Period
from lakeworks.quality.rules import row_rules
from tests.conftest import contract_of

SOURCE = TableName.parse("bronze.test.rows")
JANUARY = Period.parse("2019-01")
SQL = "SELECT CAST(id AS BIGINT) AS id, CAST(v AS INT) AS v FROM bronze_test.rows"
COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": ""},
    "v": {"type": "int", "minimum": 0, "description": ""},
}


def build(
    tmp_path: Path, given: list[dict[str, Any]], sql: str = SQL, **changes: Any
) -> tuple[Any, list[Any], list[Any]]:
    contract: Contract = contract_of(**{"columns": COLUMNS, "deduplicate_by": ["v desc"], **changes})
    given_rows = pa.Table.from_pylist(given, pa.schema([("id", pa.int64()), ("v", pa.int64())]))
    with DuckDbEngine(scratch=tmp_path).session() as session:
        session.attach(SOURCE, given_rows, len(given))
        built = session.build(contract, sql, row_rules(contract), JANUARY)
        return built, built.staged().read_all().to_pylist(), built.quarantined().read_all().to_pylist()


def test_rows_are_staged_quarantined_or_deduplicated(tmp_path: Path) -> None:
    rows = [{"id": 2, "v": 1}, {"id": 1, "v": 5}, {"id": 1, "v": 7}, {"id": None, "v": -1}]
    built, staged, quarantined = build(tmp_path, rows)
    assert staged == [{"id": 1, "v": 7}, {"id": 2, "v": 1}]
    assert [(row["_broken_rules"], row["_reason"]) for row in quarantined] == [
        (["id_required", "v_minimum"], "`id` is missing. `v` is below 0.0.")
    ]
    assert (built.counts.read, built.counts.staged, built.counts.quarantined, built.counts.deduplicated) == (4, 2, 1, 1)
    assert built.broken == {"id_required": 1, "v_minimum": 1}
    assert list(tmp_path.iterdir()) == [], "nothing is left in scratch"


ROWS = st.lists(
    st.fixed_dictionaries({"id": st.none() | st.integers(0, 6), "v": st.none() | st.integers(-3, 3)}), max_size=40
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@drawn(ROWS)
def test_the_balance_holds_for_any_rows_and_the_result_for_any_order(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    built, staged, quarantined = build(tmp_path, rows)
    assert built.counts.read == len(rows) == len(staged) + len(quarantined) + built.counts.deduplicated
    ids = [row["id"] for row in staged]
    assert ids == sorted(set(ids))
    assert all(row["id"] is not None and (row["v"] is None or row["v"] >= 0) for row in staged)
    _, reversed_staged, reversed_quarantined = build(tmp_path, rows[::-1])
    assert (staged, quarantined) == (reversed_staged, reversed_quarantined)


def test_a_rule_that_is_null_counts_as_broken(tmp_path: Path) -> None:
    rules = [{"name": "v_positive", "sql": "v > 0", "reason": "no."}]
    _, staged, quarantined = build(tmp_path, [{"id": 1, "v": None}, {"id": 2, "v": 1}], rows=rules)
    assert (len(staged), len(quarantined)) == (1, 1)


def test_rules_see_the_runs_period(tmp_path: Path) -> None:
    rules = [{"name": "january", "sql": "$partition_start = TIMESTAMP '2019-01-01' AND $partition_end = DATE '2019-02-01'",
              "reason": "x"}]  # fmt: skip
    _, staged, _ = build(tmp_path, [{"id": 1, "v": 1}], rows=rules)
    assert len(staged) == 1


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT CAST(idd AS BIGINT) AS id, CAST(v AS INT) AS v FROM bronze_test.rows", "idd"),
        ("SELECT CAST(id AS BIGINT) AS id FROM bronze_test.rows", '"v"'),
        ("SELECT CAST(id AS BIGINT) AS id, CAST('x' AS INT) AS v FROM bronze_test.rows", "TRY_CAST"),
        ("SELECT id, v FROM bronze_test.row", "row"),
        ("SELECT $partition AS id, 1 AS v FROM bronze_test.rows", "no parameter"),
    ],
)
def test_wrong_sql_is_explained(tmp_path: Path, sql: str, says: str) -> None:
    with pytest.raises(ContractError) as raised:
        build(tmp_path, [{"id": 1, "v": 1}], sql)
    assert says in str(raised.value)


def test_a_join_that_loses_rows_is_caught(tmp_path: Path) -> None:
    with pytest.raises(RowBalanceError, match="makes 1 rows of the 2 in `bronze.test.rows`"):
        build(tmp_path, [{"id": 1, "v": 1}, {"id": 2, "v": 1}], f"{SQL} WHERE id = 1", preserves_rows=str(SOURCE))


def test_too_little_memory_says_what_to_raise(tmp_path: Path) -> None:
    engine = DuckDbEngine(memory_limit="4MB", scratch=tmp_path)
    with (
        pytest.raises((ConfigError, ContractError), match=r"LAKE_MEMORY_LIMIT|Nothing was staged"),
        engine.session() as session,
    ):
        session.query("SELECT list(x) FROM (SELECT random() AS x FROM range(3000000))")
