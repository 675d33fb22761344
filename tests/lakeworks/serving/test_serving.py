"""PostgreSQL follows publications: every kind of change arrives, nothing arrives twice, and a failure changes nothing."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from lakeworks.core.partition import Partition
from lakeworks.errors import ConfigError, ServingRefused, ServingUnavailable
from lakeworks.lake import Lake
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from lakeworks.serving.database import connected, connection_options
from lakeworks.serving.differences import compare
from lakeworks.serving.following import serve
from tests.lakeworks.serving.conftest import DAY, NEXT, contract

Publish = Callable[..., Lake]
PARTITION = Partition.of_period(DAY)


def served(database: psycopg.Connection, columns: str = "id, value, name") -> list[Any]:
    return database.execute(f"SELECT {columns} FROM gold_test.rows ORDER BY id").fetchall()


def outcomes(database: psycopg.Connection, lake: Lake, **options: Any) -> list[str]:
    return [item.outcome for item in serve(database, lake, contract(), **options)]


def test_publication_correction_rollback_and_withdrawal_arrive(database: psycopg.Connection, publish: Publish) -> None:
    publish([{"id": 1, "value": 1.0}], NEXT)
    lake = publish([{"id": 2, "value": 2.0, "name": ""}, {"id": 3, "name": "x", "email": "a@b"}])
    assert outcomes(database, lake) == ["served", "served"]
    assert served(database) == [(1, 1.0, None), (2, 2.0, ""), (3, None, "x")]
    assert outcomes(database, lake) == ["unchanged", "unchanged"]
    publish([{"id": 2, "value": 2.5}])
    assert outcomes(database, lake) == ["served", "unchanged"]
    assert served(database) == [(1, 1.0, None), (2, 2.5, None)]
    rollback(lake, contract(), PARTITION)
    assert outcomes(database, lake) == ["served", "unchanged"]
    assert [row[0] for row in served(database)] == [1, 2, 3]
    withdraw(lake, contract(), PARTITION)
    assert outcomes(database, lake, partitions=[PARTITION]) == ["removed"]
    assert served(database) == [(1, 1.0, None)]
    assert not any(item.differs for item in compare(database, lake, contract(), deep=True))


def test_the_same_content_again_touches_no_row(database: psycopg.Connection, publish: Publish) -> None:
    lake = publish([{"id": 1, "value": 1.0}])
    outcomes(database, lake)
    before = served(database, "id, xmin::text")
    publish([{"id": 1, "value": 1.0}])
    assert outcomes(database, lake) == ["unchanged"]
    assert served(database, "id, xmin::text") == before
    assert compare(database, lake, contract())[0].served == 2


def indexes(database: psycopg.Connection) -> int:
    found = database.execute(
        "SELECT count(*) FROM pg_indexes WHERE tablename = 'rows' AND indexdef LIKE '%(_partition)'"
    )
    return int((found.fetchone() or (0,))[0])


def test_the_index_follows_the_first_rows_and_comes_back(database: psycopg.Connection, publish: Publish) -> None:
    """A new table gets it at the end, in half the time; after a kill before that the next worker makes it."""
    lake = publish([{"id": 1, "value": 1.0}])
    assert (outcomes(database, lake), indexes(database)) == (["served"], 1)
    database.execute("DROP INDEX gold_test.rows__partition_idx")
    assert (outcomes(database, lake), indexes(database)) == (["unchanged"], 1)
    database.execute("DROP TABLE gold_test.rows")
    compare(database, lake, contract())
    assert indexes(database) == 1


def test_a_table_that_a_person_dropped_is_served_whole_again(database: psycopg.Connection, publish: Publish) -> None:
    lake = publish([{"id": 1, "value": 1.0}])
    assert outcomes(database, lake) == ["served"]
    database.execute("DROP TABLE gold_test.rows")
    assert outcomes(database, lake) == ["served"]
    assert served(database) == [(1, 1.0, None)]


def test_a_newer_number_is_never_replaced_by_an_older(database: psycopg.Connection, publish: Publish) -> None:
    lake = publish([{"id": 1, "value": 1.0}])
    outcomes(database, lake)
    database.execute("UPDATE gold_test.lakeworks_publications SET publication = 99")
    publish([{"id": 2, "value": 2.0}])
    assert outcomes(database, lake) == ["newer is served"]
    assert served(database) == [(1, 1.0, None)]


def test_two_workers_serve_every_row_once(address: str, publish: Publish) -> None:
    publish([{"id": number, "value": 1.0} for number in range(2000)])
    work_on = publish([{"id": number, "value": 2.0} for number in range(2000)], NEXT)
    with connected(address) as connection:
        serve(connection, work_on, contract())
    lake = publish([{"id": number, "value": 3.0} for number in range(2000)])

    def work(_: int) -> None:
        with connected(address) as connection:
            serve(connection, lake, contract())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with psycopg.connect(address) as connection:
        found = connection.execute("SELECT value, count(*) FROM gold_test.rows GROUP BY 1 ORDER BY 1").fetchall()
    assert found == [(2.0, 2000), (3.0, 2000)]


TYPES: dict[str, tuple[str, Any]] = {
    "flag": ("boolean", True), "tiny": ("tinyint", -128), "small": ("smallint", 2), "number": ("int", 3), "big": ("bigint", 2**63 - 1),
    "real": ("float", 0.5), "ratio": ("double", 0.1 + 0.2), "amount": ("decimal(38,2)", Decimal("-9" * 1 + "9" * 35 + ".99")),
    "text": ("string", 'a "b", \\N line\nünï \U0001f600'), "raw": ("binary", b"\x00\xff"), "since": ("date", date(1, 1, 1)),
    "moment": ("timestamp", datetime(9999, 12, 31, 23, 59, 59, 999999)), "tags": ("list<string>", ["", 'q"\\', None, "NULL", "{a}"]),
    "counts": ("list<int>", [1, None]), "deep": ("list<list<int>>", [[1], []]),
    "place": ("struct<city:string,fee:decimal(9,2)>", {"city": 'R"', "fee": Decimal("0.10")}), "rates": ("map<string,int>", [("a", 1)]),
}  # fmt: skip


def test_every_type_arrives_exactly(database: psycopg.Connection, publish: Publish) -> None:
    columns = {"id": {"type": "bigint", "required": True, "description": "key"}}
    columns |= {name: {"type": kind, "description": name} for name, (kind, _) in TYPES.items()}
    wanted = contract(columns=columns)
    rows = [
        {"id": 1, **{name: value for name, (_, value) in TYPES.items()}},
        {"id": 2, "ratio": math.nan, "real": -math.inf},
    ]
    lake = publish(rows, DAY, wanted)
    serve(database, lake, wanted)
    first, second = database.execute(f"SELECT {', '.join(TYPES)} FROM gold_test.rows ORDER BY id").fetchall()
    expected = {name: value for name, (_, value) in TYPES.items()} | {
        "place": {"city": 'R"', "fee": "0.10"}, "rates": {"a": 1},
    }  # fmt: skip
    assert dict(zip(TYPES, first, strict=True)) == expected
    found = dict(zip(TYPES, second, strict=True))
    assert (math.isnan(found["ratio"]), found["real"]) == (True, -math.inf)
    assert {value for name, value in found.items() if name not in ("ratio", "real")} == {None}
    assert not any(item.differs for item in compare(database, lake, wanted, deep=True))


@pytest.mark.parametrize("change", [{"name": "a\0b"}, {"name": "\0"}])
def test_a_nul_is_refused_and_what_was_served_stays(
    database: psycopg.Connection, publish: Publish, change: dict[str, str]
) -> None:
    lake = publish([{"id": 1, "value": 1.0}])
    outcomes(database, lake)
    publish([{"id": 2, **change}])
    with pytest.raises(ServingRefused, match="`name` has a text with a NUL"):
        outcomes(database, lake)
    assert served(database) == [(1, 1.0, None)]
    assert [item.differs for item in compare(database, lake, contract())] == [True]


def test_a_contract_that_grows_adds_a_column_and_keeps_grants_and_views(
    database: psycopg.Connection, publish: Publish
) -> None:
    lake = publish([{"id": 1, "value": 1.0}])
    outcomes(database, lake)
    database.execute(
        "CREATE VIEW gold_test.seen AS SELECT id FROM gold_test.rows; GRANT SELECT ON gold_test.rows TO PUBLIC"
    )
    wider = contract(columns={**contract().model_dump()["columns"], "extra": {"type": "int", "description": "new"}})
    publish([{"id": 1, "value": 1.0, "extra": 5}], DAY, wider)
    serve(database, lake, wider)
    assert served(database, "id, extra") == [(1, 5)]
    assert database.execute("SELECT * FROM gold_test.seen").fetchall() == [(1,)]
    granted = database.execute("SELECT has_table_privilege('public', 'gold_test.rows', 'SELECT')").fetchone()
    assert granted == (True,)


def test_a_wider_type_says_its_cost_and_another_type_is_refused(database: psycopg.Connection, publish: Publish) -> None:
    small = contract(columns={"id": {"type": "int", "required": True, "description": "key"}})
    large = contract(columns={"id": {"type": "bigint", "required": True, "description": "key"}})
    other = contract(columns={"id": {"type": "string", "required": True, "description": "key"}})
    lake = publish([{"id": 1}], DAY, small)
    serve(database, lake, small)
    with pytest.raises(ServingRefused, match="rewrites the whole table and blocks its readers"):
        serve(database, lake, large)
    serve(database, lake, large, rewrite=True)
    assert database.execute("SELECT pg_typeof(id)::text FROM gold_test.rows").fetchall() == [("bigint",)]
    with pytest.raises(ServingRefused, match="is bigint in PostgreSQL and text by the contract"):
        serve(database, lake, other, rewrite=True)


def test_personal_columns_are_served_by_contract_only(database: psycopg.Connection, publish: Publish) -> None:
    open_contract = contract(serving={"postgres": {"include_personal": True}})
    lake = publish([{"id": 1, "email": "a@b"}], DAY, open_contract)
    serve(database, lake, open_contract)
    assert served(database, "email") == [("a@b",)]
    serve(database, lake, contract())
    assert served(database, "email") == [(None,)], "what may be served no longer is emptied"


def test_a_database_that_is_down_read_only_or_forbids_is_one_error(
    database: psycopg.Connection, address: str, publish: Publish
) -> None:
    lake = publish([{"id": 1, "value": 1.0}])
    outcomes(database, lake)
    publish([{"id": 2, "value": 1.0}])
    with (
        pytest.raises(ServingUnavailable, match="Run again"),
        connected("postgresql://postgres@/airflow?host=/nowhere"),
    ):
        pass
    with (
        connected(f"{address}&options=-c%20default_transaction_read_only%3Don") as reading,
        pytest.raises(ServingUnavailable, match=r"read-only.*unchanged\. .*if it is a replica, name the primary"),
    ):
        outcomes(reading, lake)
    database.execute("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN")
    with (
        connected(address.replace("postgres@", "stranger@")) as stranger,
        pytest.raises(ServingRefused, match=r"denied.*unchanged\. Grant this to the role of the address"),
    ):
        outcomes(stranger, lake)
    with pytest.raises(ConfigError, match="not an address of PostgreSQL"), connected("postgres:/x y"):
        pass
    assert served(database) == [(1, 1.0, None)]


def test_names_that_postgresql_would_cut_are_refused_in_the_contract() -> None:
    for changes in (
        {"columns": {**contract().model_dump()["columns"], "c" * 64: {"type": "int", "description": "x"}}},
        {"serving": {"postgres": {"table_name": "t" * 64}}},
    ):
        with pytest.raises(ValidationError, match="more than 63 bytes, PostgreSQL would cut it"):
            contract(**changes)
    assert contract(serving={"postgres": {"table_name": "t" * 63}})


def test_moments_are_utc_whatever_the_server_says(address: str, publish: Publish) -> None:
    columns = {
        "id": {"type": "bigint", "required": True, "description": "key"},
        "at": {"type": "timestamp", "description": "x"},
    }
    wanted = contract(columns=columns)
    lake = publish([{"id": 1, "at": datetime(2019, 7, 1, 12)}], DAY, wanted)
    with connected(f"{address}&options=-c%20timezone%3DAsia/Tokyo%20-c%20datestyle%3DGerman") as connection:
        serve(connection, lake, wanted)
        (moment,) = connection.execute("SELECT at AT TIME ZONE 'UTC' FROM gold_test.rows").fetchone() or (None,)
    assert moment == datetime(2019, 7, 1, 12, tzinfo=UTC)


def test_a_remote_server_must_prove_its_name_unless_the_address_says_otherwise() -> None:
    def tls(address: str) -> tuple[Any, Any]:
        options = connection_options(address)
        return options.get("sslmode"), options.get("sslrootcert")

    assert tls("postgresql://lake@db.example/shop") == ("verify-full", "system")
    assert tls("postgresql://lake@db.example/shop?sslrootcert=/rds.pem") == ("verify-full", "/rds.pem")
    assert tls("postgresql://lake@db.example/shop?sslmode=require") == ("require", None)
    assert {tls(f"postgresql://lake@{host}/shop") for host in ("localhost", "127.0.0.1", "")} == {(None, None)}
    assert tls("postgresql://lake@/shop?host=/run/postgresql") == (None, None)


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        ("decimal(9,2)", "decimal(12,2)", True),
        ("decimal(9,2)", "decimal(12,4)", True),
        ("decimal(9,4)", "decimal(9,2)", False),
        ("decimal(9,2)", "decimal(9,4)", False),
    ],
)
def test_a_decimal_is_only_widened(
    database: psycopg.Connection, publish: Publish, old: str, new: str, wider: bool
) -> None:
    before, after = (
        contract(columns={**contract().model_dump()["columns"], "value": {"type": kind, "description": "x"}})
        for kind in (old, new)
    )
    lake = publish([{"id": 1, "value": Decimal("1.25")}], DAY, before)
    serve(database, lake, before)
    if not wider:
        with pytest.raises(ServingRefused, match="by the contract. Nothing was changed"):
            serve(database, lake, after, rewrite=True)
        return
    serve(database, lake, after, rewrite=True)
    assert served(database, "value") == [(Decimal("1.25"),)]
