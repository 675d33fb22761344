"""A person's query against everything that is not a table of the lake: files, settings, secrets, the engine's inside."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from lakeworks.core.names import TableName
from lakeworks.engines.confinement import tables_of_select
from lakeworks.engines.duckdb import DuckDbEngine, DuckDbSession
from lakeworks.errors import ContractError

SECRET, SALT = "SECRET-IN-A-FILE", "salt-of-sixteen-characters"
TRIPS = TableName.parse("silver.transport.trips")
# `{file}` has the secret, `{new}` must never come into being.
STATEMENTS = [
    "COPY (SELECT 1) TO '{new}'", "COPY silver_transport.trips TO '{new}' (FORMAT parquet)", "EXPORT DATABASE '{new}'",
    "ATTACH '{new}' AS other", "ATTACH ':memory:' AS other", "DETACH memory", "USE memory", "IMPORT DATABASE '{file}'",
    "INSTALL httpfs", "FORCE INSTALL httpfs", "LOAD httpfs", "LOAD '{file}'", "UPDATE EXTENSIONS",
    "SET enable_external_access = true", "RESET enable_external_access", "SET lock_configuration = false",
    "SET VARIABLE a = 1", "SET threads = 1", "PRAGMA version", "PRAGMA database_list", "PRAGMA enable_profiling",
    "PRAGMA profiling_output = '{new}'", "CALL pragma_version()", "CALL read_text('{file}')", "CHECKPOINT", "VACUUM",
    "CREATE TABLE t AS SELECT 1", "CREATE VIEW v AS SELECT * FROM read_text('{file}')", "CREATE MACRO m() AS 1",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')", "DROP VIEW silver_transport.trips", "BEGIN", "COMMIT",
    "INSERT INTO silver_transport.trips VALUES (1)", "DELETE FROM silver_transport.trips", "TRUNCATE silver_transport.trips",
    "UPDATE silver_transport.trips SET a = 1", "PREPARE p AS SELECT * FROM read_text('{file}')", "EXECUTE p",
    "SELECT 1; COPY (SELECT 1) TO '{new}'", "PREPARE p AS SELECT * FROM read_text('{file}'); EXECUTE p",
    "EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT 1", "DESCRIBE silver_transport.trips", "SUMMARIZE silver_transport.trips",
    "SHOW TABLES", "SHOW ALL TABLES", "FROM (SHOW TABLES)", "FROM (DESCRIBE silver_transport.trips)",
    "PIVOT silver_transport.trips ON a", "", ";", "-- nothing", "SELEC",
]  # fmt: skip
READS = [
    "SELECT * FROM '{file}'", "FROM '{file}'", 'SELECT * FROM "{file}"', "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_blob('{file}')", "SELECT * FROM read_csv('{file}')", "SELECT * FROM read_csv_auto('{file}')",
    "SELECT * FROM read_json('{file}')", "SELECT * FROM read_json_objects('{file}')", "SELECT * FROM read_ndjson('{file}')",
    "SELECT * FROM read_parquet('{file}')", "SELECT * FROM parquet_scan('{file}')", "SELECT * FROM READ_TEXT('{file}')",
    "SELECT * FROM parquet_metadata('{file}')", "SELECT * FROM parquet_schema('{file}')", "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM main.read_text('{file}')", "SELECT * FROM system.main.read_text('{file}')", "SELECT * FROM glob('/*')",
    "SELECT * FROM read_duckdb('{file}')", "SELECT (SELECT content FROM read_text('{file}'))",
    "WITH a AS (SELECT * FROM read_text('{file}')) SELECT * FROM a", "SELECT 1 UNION ALL SELECT 2 FROM read_text('{file}')",
    "SELECT 1 WHERE EXISTS (FROM read_text('{file}'))", "SELECT * FROM range(1), LATERAL (FROM read_text('{file}'))",
    "SELECT [x FOR x IN [1] IF (SELECT true FROM read_text('{file}'))]", "VALUES ((SELECT content FROM read_text('{file}')))",
    "SELECT 1 ORDER BY (SELECT content FROM read_text('{file}'))", "SELECT 1 LIMIT (SELECT 1 FROM read_text('{file}'))",
    "SELECT /* x */ * /* /* y */ */ FROM/**/read_text('{file}')", "SELECT * FROM query('SELECT * FROM read_text(''{file}'')')",
    "SELECT * FROM query_table('{file}')", "SELECT * FROM query_table(['{file}'])",
    "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))", "SELECT json_serialize_plan('FROM ''{file}''')",
    "SELECT getenv('HOME')", "SELECT GETENV('HOME')", "SELECT getvariable('lakeworks_pii_salt')",
    'SELECT "getvariable"(\'lakeworks_pii_salt\')', "SELECT main.getvariable('lakeworks_pii_salt')",
    "SELECT 'lakeworks_pii_salt'.getvariable()", "SELECT current_setting('temp_directory')", "SELECT write_log('x')",
    "SELECT list_transform([1], lambda x: getvariable('lakeworks_pii_salt'))",
    "SELECT max(getvariable('lakeworks_pii_salt')) OVER ()", "FROM duckdb_variables()", "FROM duckdb_secrets()",
    "FROM duckdb_settings()", "FROM duckdb_logs()", "FROM duckdb_temporary_files()", "FROM which_secret('a', 's3')",
    "FROM duckdb_views", "FROM sqlite_master", "FROM pg_catalog.pg_settings", "FROM information_schema.tables", "FROM pg_class",
    "FROM pg_class, (WITH pg_class AS (SELECT 1) FROM pg_class)", "WITH pg_class AS (FROM pg_class) FROM pg_class",
    "WITH RECURSIVE pg_class AS (FROM pg_class) FROM pg_class", "FROM _0_silver_transport_trips", "FROM landing",
    "FROM temp._0_silver_transport_trips", "FROM memory.silver_transport.trips", "FROM silver.transport.trips",
    "FROM local_variable", "FROM python_map_function(1)", "FROM pandas_scan(1)", "FROM arrow_scan(1, 2, 3)", "FROM repeat(1, 2)",
    "SELECT $a", "SELECT ?", "SELECT 1 \0", "SELECT 1 \0; COPY (SELECT 1) TO '{new}'", "SELECT '\ud800'",
]  # fmt: skip
HONEST = {
    "SELECT a FROM silver_transport.trips": [TRIPS],
    "FROM SILVER_Transport.TRIPS;": [TRIPS],
    "WITH t AS (FROM silver_transport.trips), u AS (FROM t) SELECT * FROM u": [TRIPS],
    "WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM t WHERE a < 3) FROM t": [],
    "SELECT * FROM range(3) r(i), generate_series(1, 2) g(j), unnest([1, 2]) u(k)": [],
    "SELECT unnest(range(3)), $$COPY ; read_text('x')$$ -- ; COPY": [],
    "VALUES (1), (2)": [],
    "(SELECT 1) UNION ALL (SELECT a FROM silver_transport.trips) ORDER BY 1": [TRIPS],
    "PIVOT silver_transport.trips ON a IN (1, 2) USING count(*)": [TRIPS],
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Make a file to read and the name of one to write."""
    file = tmp_path / "secret.csv"
    file.write_text(f"a\n{SECRET}\n")
    return {"file": str(file), "new": str(tmp_path / "new")}


@contextlib.contextmanager
def confined(folder: Path) -> Iterator[DuckDbSession]:
    with DuckDbEngine(scratch=folder / "scratch", pii_salt=SALT).confined_session() as session:
        session.attach(TRIPS, pa.table({"a": [1, 2], "email": ["x", "y"]}), without=["email"])
        yield session


def filled(text: str, files: dict[str, str]) -> str:
    return text.replace("{file}", files["file"]).replace("{new}", files["new"])


@pytest.mark.parametrize("text", [*STATEMENTS, *READS])
def test_everything_but_one_select_of_tables_is_refused_in_one_message(text: str, files: dict[str, str]) -> None:
    with pytest.raises(ContractError) as refused:
        tables_of_select(filled(text, files))
    assert "Nothing was" in str(refused.value)


def test_nesting_beyond_any_stack_is_refused_or_read() -> None:
    for text in (
        f"SELECT {'(' * 3000}1{')' * 3000}",
        "SELECT " + "1 + " * 20_000 + "1",
        "SELECT " + "[" * 900 + "]" * 900,
    ):
        with contextlib.suppress(ContractError):
            assert tables_of_select(text) == []


@pytest.mark.parametrize("text", HONEST)
def test_one_select_is_read_and_runs(text: str, tmp_path: Path) -> None:
    assert tables_of_select(text) == HONEST[text]
    with confined(tmp_path) as session:
        assert session.query(text).num_rows


def test_the_session_gives_nothing_away_even_to_what_the_check_refuses(tmp_path: Path, files: dict[str, str]) -> None:
    """The second wall by itself: were the check wrong, there would be no file, no salt and no setting to change."""
    with confined(tmp_path) as session:
        for text in (*READS, *STATEMENTS):
            with contextlib.suppress(duckdb.Error, TypeError, UnicodeError):
                done = session.connection.execute(filled(text, files))
                shown = str(done.fetchall()) if done else ""
                assert not {word for word in (SECRET, SALT) if word in shown}, text
            assert not Path(files["new"]).exists(), text
            with contextlib.suppress(duckdb.Error):  # else a transaction left open would fail all that follows
                session.connection.execute("ROLLBACK")


def test_a_sort_larger_than_memory_spills_though_files_are_closed_to_the_query(tmp_path: Path) -> None:
    engine = DuckDbEngine(memory_limit="40MB", threads=1, scratch=tmp_path)
    with engine.confined_session() as session:
        found = session.query("SELECT max(b) FROM (SELECT a, md5(a::VARCHAR) AS b FROM range(600000) r(a) ORDER BY b)")
    assert found.num_rows == 1


def test_columns_left_out_cannot_be_read_by_any_way(tmp_path: Path) -> None:
    with confined(tmp_path) as session:
        assert session.query("FROM silver_transport.trips").column_names == ["a"]
        assert session.query("SELECT t FROM silver_transport.trips t").to_pylist() == [{"t": {"a": 1}}, {"t": {"a": 2}}]
        for text in ("SELECT email FROM silver_transport.trips", "SELECT trips.email FROM silver_transport.trips"):
            with pytest.raises(ContractError, match="email"):
                session.query(text)


WORDS = st.sampled_from(
    ["SELECT", "FROM", "*", "1", "(", ")", ",", ";", "WITH t AS", "t", "UNION ALL", "COPY", "TO", "'{file}'", "'{new}'", "read_text",
     "silver_transport.trips", "range(2)", "VALUES", "WHERE", "EXISTS", "/*", "*/", "--\n", "$$", "'", '"', "SET", "PRAGMA", "CALL",
     "getvariable('lakeworks_pii_salt')", "duckdb_variables()", "query(", "ATTACH", "AS x", "ORDER BY", "LATERAL", "content"]
)  # fmt: skip


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@drawn(st.lists(WORDS, min_size=1, max_size=14).map(" ".join) | st.text(max_size=40))
def test_no_text_that_is_accepted_shows_a_secret_or_writes(tmp_path: Path, files: dict[str, str], text: str) -> None:
    text = filled(text, files)
    try:
        tables_of_select(text)
    except ContractError:
        return
    with confined(tmp_path) as session, contextlib.suppress(ContractError):
        shown = str(session.query(text).to_pylist())
        assert SECRET not in shown
        assert SALT not in shown
    assert not Path(files["new"]).exists()
