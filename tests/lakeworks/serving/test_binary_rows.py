"""What COPY's binary form holds is what a client reads back: the ends of each type, in columns and in arrays."""

import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.core.types import LakeType
from lakeworks.errors import ServingRefused
from lakeworks.lake import Lake
from lakeworks.serving import following
from lakeworks.serving.binary_rows import encoded_rows
from lakeworks.serving.database import connected
from lakeworks.serving.differences import compare
from lakeworks.serving.following import serve
from lakeworks.serving.served_types import served_type
from tests.lakeworks.serving.conftest import DAY, contract

Publish = Callable[..., Lake]


def decimals(precision: int, scale: int) -> list[Decimal]:
    """Zero, both ends, and the numbers about each group of four digits, in which PostgreSQL stores a decimal."""
    largest = 10**precision - 1
    wanted = {0, largest} | {10**power + step for power in range(0, precision, 4) for step in (-1, 0, 1)}
    near = sorted({sign * number for number in wanted for sign in (1, -1) if number <= largest})
    return [Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale)) for number in near]


ENDS: dict[str, list[Any]] = {
    "boolean": [True, False], "tinyint": [-128, 127], "smallint": [-(2**15), 2**15 - 1], "int": [-(2**31), 2**31 - 1],
    "bigint": [-(2**63), 2**63 - 1], "float": [math.inf, -math.inf, 0.5, -16777216.0],
    "double": [math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1 + 0.2],
    "string": ["", "NULL", "\\N", "a\n\r\t\"b'", "ünï \U0001f600", "x" * 70_000], "binary": [b"", b"\0\xff", b"\\x00"],
    "date": [date(1, 1, 1), date(1969, 12, 31), date(1999, 12, 31), date(2000, 1, 1), date(9999, 12, 31)],
    "timestamp": [datetime(1, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2000, 1, 1),
                  datetime(1999, 12, 31, 23, 59, 59, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)],
    **{f"decimal({precision},{scale})": decimals(precision, scale)
       for precision, scale in ((1, 0), (4, 4), (5, 5), (9, 2), (18, 18), (19, 3), (38, 0), (38, 2), (38, 37), (38, 38))},
}  # fmt: skip


def with_columns(**kinds: str) -> Contract:
    return contract(
        columns={
            "id": {"type": "bigint", "required": True, "description": "key"},
            **{name: {"type": kind, "description": name} for name, kind in kinds.items()},
        }
    )


def read_back(database: psycopg.Connection, publish: Publish, wanted: Contract, rows: list[dict[str, Any]]) -> Any:
    lake = publish([{"id": number, **row} for number, row in enumerate(rows)], DAY, wanted)
    serve(database, lake, wanted)
    assert not any(item.differs for item in compare(database, lake, wanted, deep=True))
    return database.execute("SELECT * FROM gold_test.rows ORDER BY id").fetchall()


def test_the_ends_of_every_type_come_back(database: psycopg.Connection, publish: Publish) -> None:
    columns = {f"c{number}": kind for number, kind in enumerate(ENDS)}
    longest = max(map(len, ENDS.values()))
    rows = [
        {name: (ENDS[kind] + [None] * longest)[number] for name, kind in columns.items()}
        for number in range(longest + 1)
    ]
    found = read_back(database, publish, with_columns(**columns), rows)
    for number, (name, kind) in enumerate(columns.items(), start=1):
        expected = [row[name] for row in rows]
        assert [row[number] for row in found] == expected, kind
        if kind.startswith("decimal"):  # 1.0 equals 1.00, and is another text
            assert [str(row[number]) for row in found] == list(map(str, expected)), kind


def test_arrays_with_nulls_come_back(database: psycopg.Connection, publish: Publish) -> None:
    columns = {f"c{number}": f"list<{kind}>" for number, kind in enumerate(ENDS)}
    lists = [list[Any](values) for values in ENDS.values()]
    rows = [
        dict(zip(columns, [made(values) for values in lists], strict=True))
        for made in (list, lambda values: [None, values[0], None], lambda _: [], lambda _: None, lambda _: [None])
    ]
    found = read_back(database, publish, with_columns(**columns), rows)
    assert [dict(zip(columns, row[1:-1], strict=True)) for row in found] == rows


def test_without_pgpq_rows_go_as_text(
    database: psycopg.Connection, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "find_spec", lambda _: None)
    test_the_ends_of_every_type_come_back(database, publish)
    database.execute("DROP TABLE gold_test.rows")
    test_arrays_with_nulls_come_back(database, publish)


def test_rows_of_many_pieces_come_back(database: psycopg.Connection, publish: Publish) -> None:
    rows = [{"text": None if number % 7 == 0 else "ü" * (number % 11)} for number in range(41_000)]
    found = read_back(database, publish, with_columns(text="string"), rows)
    assert [row[1] for row in found] == [row["text"] for row in rows]


@pytest.mark.parametrize("settings", ["&client_encoding=latin1", "&options=-c%20client_encoding%3DLATIN1"])
def test_text_is_utf_8_whatever_the_address_says(address: str, publish: Publish, settings: str) -> None:
    with connected(f"{address}{settings}") as connection:
        found = read_back(connection, publish, with_columns(text="string"), [{"text": "ünï"}])
    assert [row[1] for row in found] == ["ünï"]


@pytest.mark.parametrize("value", [["a\0b"], ["a", None, "\0"]])
def test_a_nul_in_an_array_is_refused(database: psycopg.Connection, publish: Publish, value: list[str]) -> None:
    with pytest.raises(ServingRefused, match="`texts` has a text with a NUL"):
        read_back(database, publish, with_columns(texts="list<string>"), [{"texts": value}])


@pytest.mark.parametrize(("kind", "number"), [("date", 2**31 - 1), ("date", -(2**31)), ("timestamp", -(2**63))])
def test_a_moment_beyond_postgresqls_is_refused(
    database: psycopg.Connection, publish: Publish, kind: str, number: int
) -> None:
    """Engines give an infinity as such a number."""
    arrow = LakeType.parse(kind).arrow
    values = pa.array([number], pa.int32() if kind == "date" else pa.int64()).view(arrow)
    rows = pa.table({"at": values}).to_reader()
    stored = publish([{"id": 1}]).ledger.newest(contract().table, Partition.of_period(DAY))
    assert stored is not None
    database.execute(f"CREATE TEMP TABLE moments (at {served_type(LakeType.parse(kind))}, _partition text)")

    def send() -> None:
        with database.cursor() as cursor, cursor.copy("COPY moments FROM STDIN (FORMAT binary)") as copy:
            for piece in encoded_rows(rows, {"at": kind}, stored.entry):
                copy.write(piece)

    with pytest.raises((ServingRefused, psycopg.DataError), match="does not fit into PostgreSQL|out of range"):
        send()
    assert database.execute("SELECT * FROM moments").fetchall() == []
