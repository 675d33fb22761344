"""The engine: every row accounted for, wrong SQL explained, memory bounded."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from lakeworks.contract import Contract
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import ConfigError, ContractError, RowBalanceError
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
        (["id_required", "v_minimum"], "`id` is missing. `v` is below 0.")
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
    with pytest.raises(RowBalanceError, match="returns 1 rows of the 2 in `bronze.test.rows`"):
        build(tmp_path, [{"id": 1, "v": 1}, {"id": 2, "v": 1}], f"{SQL} WHERE id = 1", preserves_rows=str(SOURCE))


def test_too_little_memory_says_what_to_raise(tmp_path: Path) -> None:
    engine = DuckDbEngine(memory_limit="4MB", scratch=tmp_path)
    with (
        pytest.raises((ConfigError, ContractError), match=r"LAKE_MEMORY_LIMIT|Nothing was staged"),
        engine.session() as session,
    ):
        session.query("SELECT list(x) FROM (SELECT random() AS x FROM range(3000000))")


TIMED = SQL.replace(" FROM", ", CAST(TIMESTAMP '2019-01-01' + INTERVAL (v) DAY AS TIMESTAMP) AS at FROM")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@drawn(ROWS)
def test_duplicates_in_different_partitions_are_found_too(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Their rows do not lie side by side in the stream, so another way finds them; the outcome is the same."""
    at = {"type": "timestamp", "description": ""}
    apart = {"columns": {**COLUMNS, "at": at}, "partition_by": ["day(at)"]}
    built, staged, quarantined = build(tmp_path, rows, TIMED, **apart)
    plain, expected, expected_quarantined = build(tmp_path, rows)
    key = {"key": lambda row: row["id"]}
    assert sorted(({"id": row["id"], "v": row["v"]} for row in staged), **key) == expected
    assert len(quarantined) == len(expected_quarantined)
    assert (built.counts, built.broken) == (plain.counts, plain.broken)
    days = [row["at"] for row in staged if row["at"]]
    assert days == sorted(days), "partitions are contiguous"


def test_every_rule_of_a_wide_table_is_named(tmp_path: Path) -> None:
    wide = {f"c{n:03d}": {"type": "int", "required": True, "description": ""} for n in range(130)}
    columns = {"id": COLUMNS["id"], **wide}
    broken = {1: {0, 61, 62, 129}, 2: {128}, 3: set()}
    values = ", ".join(
        f"CAST(CASE {' '.join(f'WHEN id = {row} THEN NULL' for row, which in broken.items() if n in which)} ELSE 1 END AS INT) "
        f"AS {name}" if any(n in which for which in broken.values()) else f"1 AS {name}"
        for n, name in enumerate(wide)
    )  # fmt: skip
    sql = f"SELECT CAST(id AS BIGINT) AS id, {values} FROM bronze_test.rows"
    built, staged, quarantined = build(
        tmp_path, [{"id": n, "v": 1} for n in broken], sql, columns=columns, deduplicate_by=None
    )
    assert [row["id"] for row in staged] == [3]
    assert {row["id"]: row["_broken_rules"] for row in quarantined} == {
        1: ["c000_required", "c061_required", "c062_required", "c129_required"], 2: ["c128_required"],
    }  # fmt: skip
    assert built.broken == {f"c{n:03d}_required": 1 for n in (0, 61, 62, 128, 129)}


def test_good_rows_without_a_partition_value_are_kept_among_broken_ones(tmp_path: Path) -> None:
    optional = {"id": COLUMNS["id"], "v": {"type": "int", "description": ""}}
    rules = [{"name": "small", "sql": "id < 50", "reason": "too large."}]
    rows = [{"id": n, "v": n % 3 or None} for n in range(100)]
    built, staged, quarantined = build(
        tmp_path, rows, columns=optional, rows=rules, partition_by=["v"], deduplicate_by=None
    )
    assert sorted(row["id"] for row in staged) == list(range(50))
    assert (len(quarantined), built.counts.read) == (50, 100)


def test_a_masked_value_is_hashed_with_the_deployments_salt(tmp_path: Path) -> None:
    """A hash of the value alone is guessable: anyone who has a list of addresses has the hashes."""
    columns = {**COLUMNS, "mail": {"type": "string", "masking": "salted_sha256", "pii": True, "description": ""}}
    sql = "SELECT CAST(1 AS BIGINT) AS id, CAST(2 AS INT) AS v, 'ada@example.com' AS mail"
    contract = contract_of(columns=columns)
    for salt in ("one salt for tests", "another salt for tests"):
        with DuckDbEngine(scratch=tmp_path, pii_salt=salt).session() as session:
            (row,) = session.build(contract, sql, [], JANUARY).staged().read_all().to_pylist()
        assert row["mail"] == hashlib.sha256(f"{salt}ada@example.com".encode()).hexdigest()


def test_a_slow_query_draws_no_bar_on_standard_output(tmp_path: Path) -> None:
    """The engine draws a progress bar after two seconds, in the middle of a `--json` document."""
    with DuckDbEngine(scratch=tmp_path).session() as session:
        for connection in (session.connection, session.side):
            assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)
