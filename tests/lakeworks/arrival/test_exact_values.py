"""Each file is read by the contract on its own, then joined: a value is what was sent, or it is refused or quarantined."""

import gzip
import io
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

from lakeworks.arrival.contract_rows import Conformed, conform
from lakeworks.arrival.rejected_rows import RejectedRows
from lakeworks.arrival.transform_input import landing_table
from lakeworks.contract import Contract
from lakeworks.errors import MalformedSource, SchemaDrift
from lakeworks.landing.readable_file import ReadableFile
from tests.conftest import contract_of


def contract(policy: str = "widen", **columns: str) -> Contract:
    declared = {name: {"type": kind, "description": ""} for name, kind in columns.items()}
    return contract_of("bronze.test.rows", columns=declared, grain=[], schema_policy=policy)


def read(
    folder: Path, wanted: Contract, files: dict[str, bytes], rejected: RejectedRows | None = None, **published: Any
) -> tuple[Conformed, list[dict[str, Any]]]:
    for name, body in files.items():
        (folder / name).write_bytes(body)
    scratch = folder / "scratch"
    scratch.mkdir()
    conformed = conform(
        [ReadableFile(folder / name, name) for name in files], wanted, scratch, rejected, lambda: published
    )
    return conformed, conformed.reader.read_all().to_pylist()


def values(folder: Path, kind: str, body: str) -> list[Any]:
    _, rows = read(folder, contract(v=kind), {"a.json": body.encode()})
    return [row["v"] for row in rows]


@pytest.mark.parametrize(
    ("kind", "written", "kept"),
    [
        ("bigint", ["9007199254740993", "1.0", "1e3", '"12"'], [9007199254740993, 1, 1000, 12]),
        ("decimal(38,4)", ["1234567890123456789012345678901234.5678", "1"], [Decimal("1234567890123456789012345678901234.5678"), 1]),
        ("decimal(20,0)", ["18446744073709551616", "1"], [Decimal(2**64), 1]),
        ("decimal(12,2)", ["19.99", "0.10", '"7.5"'], [Decimal("19.99"), Decimal("0.10"), Decimal("7.50")]),
        ("string", ["1e3", "0.10", "12345678901234567890", "-0", "true", '"x"'],
         ["1e3", "0.10", "12345678901234567890", "-0", "true", "x"]),
        ("string", ['{"a": 0.10}', "[1e3, null]"], ['{"a": 0.10}', "[1e3, null]"]),
        ("double", ["0.1", "1", "0.10000000000000001", "NaN", '"inf"'], [0.1, 1.0, 0.1, "nan", float("inf")]),
        ("timestamp", ['"2019-01-05T03:00:00+02:00"', '"2019-01-05 03:00:00.123456"', '"2019-01-05"'],
         [datetime(2019, 1, 5, 1), datetime(2019, 1, 5, 3, 0, 0, 123456), datetime(2019, 1, 5)]),
        ("date", ['"2019-02-28"'], [date(2019, 2, 28)]),
        ("boolean", ["true", '"False"'], [True, False]),
        ("map<string,decimal(9,2)>", ['{"a": 0.10}'], [[("a", Decimal("0.10"))]]),
        ("list<struct<id:bigint>>", ['[{"ID": 9007199254740993}]'], [[{"id": 9007199254740993}]]),
    ],
    ids=lambda item: item if isinstance(item, str) else None,
)  # fmt: skip
def test_a_number_is_read_from_its_own_text(tmp_path: Path, kind: str, written: list[str], kept: list[Any]) -> None:
    found = values(tmp_path, kind, "[" + ", ".join(f'{{"v": {item}}}' for item in written) + "]")
    assert ["nan" if item != item else item for item in found] == kept


@pytest.mark.parametrize(
    ("kind", "written", "says"),
    [
        ("bigint", "1.5", "no whole number"),
        ("bigint", "9223372036854775808", "too large for 64 bits"),
        ("bigint", '"007"', "would lose its leading zeros"),
        ("bigint", "1e400", "no whole number"),
        ("bigint", "true", "no number"),
        ("decimal(12,2)", "1.239", "too many digits after the point"),
        ("decimal(12,2)", "12345678901", "too many digits before the point"),
        ("double", "9007199254740993", "more digits than a floating number"),
        ("double", "1e400", "more digits"),
        ("double", "0.12345678901234567890", "more digits"),
        ("float", "16777217", "more digits"),
        ("timestamp", '"2019-01-05T03:00:00.1234567"', "more digits than microseconds"),
        ("timestamp", '"5.1.2019"', "no moment"),
        ("timestamp", "1546657200", "no moment"),
        ("date", '"2019-02-30"', "no date"),
        ("boolean", "1", "neither true nor false"),
        ("struct<id:bigint>", '{"id": "x"}', "its member `id`: `x` is no number"),
        ("struct<id:bigint>", '{"id": 1, "ID": 2}', "comes twice"),
        ("list<int>", "[1, 2.5]", "its member `1`: `2.5` is no whole number"),
        ("binary", '"x"', "cannot be converted to binary"),
    ],
)
def test_what_cannot_be_exact_is_refused_with_file_row_and_value_or_quarantined(
    tmp_path: Path, kind: str, written: str, says: str
) -> None:
    body = f'{{"id": 1, "v": null}}\n{{"id": 2, "v": {written}}}\n'.encode()
    with pytest.raises(
        SchemaDrift, match=f"(?s)column `v` of `a.jsonl`, line 2, does not fit.*{says}.*othing was staged"
    ):
        read(tmp_path, contract(id="bigint", v=kind), {"a.jsonl": body})
    (tmp_path / "scratch").rmdir()
    kept: list[pa.RecordBatch] = []
    rejected = RejectedRows(kept.append)
    _, rows = read(tmp_path, contract("quarantine_unknown", id="bigint", v=kind), {"a.jsonl": body}, rejected)
    assert ([row["id"] for row in rows], dict(rejected.broken)) == ([1], {"unfit_value": 1})
    (kept_row,) = pa.Table.from_batches(kept).to_pylist()
    assert json.loads(kept_row["_row"])["id"] == 2
    assert says in kept_row["_reason"]


def parquet(**columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())


NAIVE = pa.array([datetime(2019, 1, 5)], pa.timestamp("us"))
UTC = pa.array([datetime(2019, 1, 5)], pa.timestamp("us", "UTC"))


@pytest.mark.parametrize(
    ("kind", "one", "other", "kept"),
    [
        ("bigint", b'[{"v": 9007199254740993}]', b'[{"v": 1.0}, {"v": 2.0}]', [9007199254740993, 1, 2]),
        ("string", b'[{"v": "007"}, {"v": 12345}]', b'[{"v": 12345}]', ["007", "12345", "12345"]),
        ("timestamp", parquet(v=NAIVE), parquet(v=UTC), [datetime(2019, 1, 5)] * 2),
        ("timestamp", parquet(v=pa.array([datetime(9999, 12, 31)], pa.timestamp("us"))),
         parquet(v=pa.array([datetime(2019, 1, 5)], pa.timestamp("ns"))), [datetime(9999, 12, 31), datetime(2019, 1, 5)]),
        ("list<struct<value:string>>", b'[{"v": [{"value": "x"}]}]', b'[{"V": [{"value": 5}]}]', [[{"value": "x"}], [{"value": "5"}]]),
    ],
    ids=["ids", "zip by day", "naive and UTC", "far future and nanoseconds", "shopify's properties"],
)  # fmt: skip
def test_files_that_disagree_are_joined_after_each_was_read_by_the_contract(
    tmp_path: Path, kind: str, one: bytes, other: bytes, kept: Sequence[Any]
) -> None:
    """Their types were joined before the contract was asked: digits changed, or Arrow's own error came through."""
    ending = "json" if one.startswith(b"[") else "parquet"
    _, rows = read(tmp_path, contract(v=kind), {f"a.{ending}": one, f"b.{ending}": other})
    assert [row["v"] for row in rows] == kept


def test_an_unnamed_column_of_text_or_json_is_text_whatever_a_day_brings(tmp_path: Path) -> None:
    files = {
        "a.jsonl": b'{"id": 1, "new": 1}\n{"id": 2, "new": 1.50}\n{"id": 3, "new": {"a": [0.10]}}',
        "b.csv": b"id,New\n4,007\n",
        "c.json": b'[{"id": 5, "nothing": null}]',
    }
    conformed, rows = read(tmp_path, contract(id="bigint"), files)
    assert [row["new"] for row in rows] == ["1", "1.50", '{"a": [0.10]}', "007", None]
    assert [(name, str(kind)) for name, kind in conformed.extra] == [("new", "string")]
    assert "`nothing` is new and has no value yet; kept in landing only" in conformed.drift


def test_a_column_no_type_of_the_lake_holds_stays_in_landing_and_harms_nothing(tmp_path: Path) -> None:
    body = parquet(id=[1], at=pa.array([0], pa.time64("us")), many=pa.array([2**64 - 1], pa.uint64()))
    conformed, rows = read(tmp_path, contract(id="bigint"), {"a.parquet": body})
    assert rows == [{"id": 1, "at": "00:00:00.000000"}]
    assert any("`many` is new and kept in landing only" in text for text in conformed.drift)


def test_a_column_of_the_lakes_own_name_stays_in_landing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": 1, "_run_id": "theirs"}')
    wanted = contract(id="bigint", _run_id="string")
    file = ReadableFile(tmp_path / "a.jsonl", "a.jsonl", {"_run_id": "ours"})
    conformed = conform([file], wanted, tmp_path)
    assert conformed.reader.read_all().to_pylist() == [{"id": 1, "_run_id": "ours"}]
    assert "`_run_id` is the lake's own column; the file's is kept in landing only" in conformed.drift
    with pytest.raises(SchemaDrift, match="lake's own column"):
        conform([file], wanted.model_copy(update={"schema_policy": "freeze"}), tmp_path)


def test_a_bad_member_quarantines_its_row_and_a_new_one_only_rows_that_have_it(tmp_path: Path) -> None:
    body = json.dumps(
        [
            {"id": 1, "s": {"a": 1}},
            {"id": 2, "s": {"a": "x"}},
            {"id": 3, "s": {"a": 1, "b": 2}},
            {"id": 4, "s": {"a": 1, "b": None}},
        ]
    ).encode()
    kept: list[pa.RecordBatch] = []
    wanted = contract("quarantine_unknown", id="bigint", s="struct<a:bigint>")
    _, rows = read(tmp_path, wanted, {"a.json": body}, RejectedRows(kept.append))
    assert [row["id"] for row in rows] == [1, 4]
    reasons = [row["_reason"] for row in pa.Table.from_batches(kept).to_pylist()]
    assert ["its member `a`: `x` is no number" in reasons[0], reasons[1]] == [True, "`s.b` is not in the contract."]


def test_csv_fills_a_typed_table(tmp_path: Path) -> None:
    body = gzip.compress(b"id,at,price,day,ok\n9007199254740993,2019-01-05T01:02:03Z,0.10,2019-01-05,true\n,,,,\n")
    wanted = contract(id="bigint", at="timestamp", price="decimal(9,2)", day="date", ok="boolean")
    _, rows = read(tmp_path, wanted, {"A.CSV.GZ": body})
    first = {
        "id": 9007199254740993,
        "at": datetime(2019, 1, 5, 1, 2, 3),
        "price": Decimal("0.10"),
        "day": date(2019, 1, 5),
        "ok": True,
    }
    assert rows == [first, dict.fromkeys(first)]


def test_a_double_that_only_looks_like_a_decimal_is_refused(tmp_path: Path) -> None:
    _, rows = read(tmp_path, contract(v="decimal(12,2)"), {"a.parquet": parquet(v=[19.99, 1234567890.12])})
    assert [row["v"] for row in rows] == [Decimal("19.99"), Decimal("1234567890.12")]
    (tmp_path / "scratch").rmdir()
    with pytest.raises(SchemaDrift, match="is double and does not fit"):
        read(tmp_path, contract(v="decimal(12,2)"), {"a.parquet": parquet(v=[0.1 + 0.2])})


@pytest.mark.parametrize("policy", ["freeze", "add_nullable", "widen", "quarantine_unknown"])
@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("a.csv", b"id;v\n1;25\n", "contains `;`. Check `delimiter`"),
        ("a.csv", b"id, v \n1,2\n", "differ only by spaces"),
        ("a.json", b'{"data": [{"id": 1}, {"id": 2}], "next": null}', "be inside `data`"),
        ("a.jsonl", b"{}\n{}\n", "no members"),
        ("a.csv", b"order,total,note\n1,2,x\n", "another table's file"),
        ("a.parquet", parquet(order=[1]), "another table's file"),
    ],
    ids=["delimiter", "spaces", "wrapper", "empty objects", "another table", "another table's parquet"],
)
def test_a_file_that_brings_none_of_the_columns_is_refused_whatever_the_policy(
    tmp_path: Path, policy: str, name: str, body: bytes, says: str
) -> None:
    """It was published as rows of nulls, and its header joined the catalog for good."""
    with pytest.raises(SchemaDrift, match=f"(?s)`{name}` has .*{says}.*othing was staged"):
        read(tmp_path, contract(policy, id="bigint", v="string"), {name: body}, RejectedRows(lambda _: None))


def test_a_sparse_file_and_one_with_many_new_columns_belong_to_the_table(tmp_path: Path) -> None:
    wide = dict.fromkeys(("id", "a", "b", "c", "d", "e"), "string")
    files = {
        "a.jsonl": b'{"id": 1}',
        "b.jsonl": json.dumps({**dict.fromkeys(wide, "x"), **{f"n{i}": 1 for i in range(20)}}).encode(),
    }
    _, rows = read(tmp_path, contract(**wide), files)
    assert len(rows) == 2


def test_an_empty_object_beside_others_is_a_row(tmp_path: Path) -> None:
    files = {"a.json": b'[{"id": 1}, {}, {}]'}
    _, rows = read(tmp_path, contract(id="bigint"), files)
    assert [row["id"] for row in rows] == [1, None, None]


def test_text_without_its_annotation_is_text_if_it_is_utf_8(tmp_path: Path) -> None:
    body = parquet(v=pa.array([b"abc", None], pa.binary()))
    assert [row["v"] for row in read(tmp_path, contract(v="string"), {"a.parquet": body})[1]] == ["abc", None]
    (tmp_path / "scratch").rmdir()
    with pytest.raises(SchemaDrift, match="row 1, is binary and does not fit string"):
        read(tmp_path, contract(v="string"), {"a.parquet": parquet(v=pa.array([b"\xff"], pa.binary()))})


def test_a_csv_keeps_its_text_whatever_header_and_length(tmp_path: Path) -> None:
    """Names were cut at commas and quotes, so that `007` was guessed to be 7; fields ended at 128 KiB."""
    body = f'"a, b", c\n007,{"x" * 200_000}\n'.encode()
    (tmp_path / "a.csv").write_bytes(body)
    rows = landing_table([ReadableFile(tmp_path / "a.csv", "a.csv")], pa.schema([])).to_pylist()
    assert rows == [{"a, b": "007", " c": "x" * 200_000}]
    (tmp_path / "a.csv").write_bytes("id\nÄ\n".encode("latin-1"))
    with pytest.raises(MalformedSource, match=r"`a\.csv` cannot be read: line 2 is not UTF-8"):
        landing_table([ReadableFile(tmp_path / "a.csv", "a.csv")], pa.schema([]))


def test_a_moment_python_has_no_date_for_harms_only_its_row(tmp_path: Path) -> None:
    far = pa.array([2**62, 0, 0], pa.timestamp("us"))
    body = parquet(id=[1, 2, 3], at=far, v=["x", "1", "x"], s=pa.StructArray.from_arrays([far, far], ["a", "b"]))
    kept: list[pa.RecordBatch] = []
    wanted = contract(
        "quarantine_unknown", id="bigint", at="timestamp", v="boolean", s="struct<a:timestamp,b:timestamp>"
    )
    _, rows = read(tmp_path, wanted, {"a.parquet": body}, RejectedRows(kept.append))
    assert (rows, sum(map(len, kept))) == ([], 3)
    (tmp_path / "scratch").rmdir()
    narrow = contract("widen", id="bigint", s="struct<a:timestamp>")
    with pytest.raises(SchemaDrift, match=r"`a.parquet` cannot be brought to the types of the contract"):
        read(
            tmp_path,
            narrow.model_copy(update={"schema_policy": "quarantine_unknown"}),
            {"a.parquet": body},
            RejectedRows(kept.append),
        )


FAR_DAYS = pa.array([-719_529, 2_932_897, 0], pa.int32()).cast(pa.date32())  # 0000-12-31, 10000-01-01, 1970-01-01


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("date", {"a.csv": b"v\n0000-01-01\n2019-01-05\n"}),
        ("timestamp", {"a.csv": b"v\n0000-01-01T00:00:00\n2019-01-05T00:00:00\n"}),
        ("date", {"a.json": b'[{"v": "0000-12-31"}, {"v": "2019-01-05"}]'}),
        ("date", {"a.parquet": parquet(v=FAR_DAYS)}),
        ("timestamp", {"a.parquet": parquet(v=pa.array([-(2**56), 2**58, 0], pa.timestamp("us")))}),
        ("struct<d:date>", {"a.parquet": parquet(v=pa.StructArray.from_arrays([FAR_DAYS], ["d"]))}),
        ("list<date>", {"a.parquet": parquet(v=pa.ListArray.from_arrays([0, 1, 2, 3], FAR_DAYS))}),
    ],
)
def test_a_date_without_a_year_of_four_digits_is_refused_or_quarantined(
    tmp_path: Path, kind: str, files: dict[str, bytes]
) -> None:
    """Arrow reads the year 0 and keeps the year 10000; `lakeworks sql` and every reader in Python fail at such a row."""
    with pytest.raises(SchemaDrift, match=r"column `v` of `a\.\w+`, (line 2|row 1)"):
        read(tmp_path, contract(v=kind), files)
    (tmp_path / "scratch").rmdir()
    rejected = RejectedRows(lambda _: None)
    _, rows = read(tmp_path, contract("quarantine_unknown", v=kind), files, rejected)
    assert len(rows) == 1
    assert rejected.rows in (1, 2)


def test_views_are_read_as_the_text_bytes_and_lists_they_are(tmp_path: Path) -> None:
    """Parquet whose writer stored Arrow's view types, also inside lists and structs."""
    text, inner = pa.array(["x", None], pa.string_view()), pa.array([["y"], None], pa.list_(pa.string_view()))
    body = parquet(
        v=text,
        raw=pa.array([b"\xff", None], pa.binary_view()),
        tags=inner,
        deep=pa.StructArray.from_arrays([text], ["a"]),
    )
    wanted = contract(v="string", raw="binary", tags="list<string>", deep="struct<a:string>")
    _, rows = read(tmp_path, wanted, {"a.parquet": body})
    assert rows == [
        {"v": "x", "raw": b"\xff", "tags": ["y"], "deep": {"a": "x"}},
        {"v": None, "raw": None, "tags": None, "deep": {"a": None}},
    ]


def test_the_reason_of_a_nested_value_is_whole(tmp_path: Path) -> None:
    with pytest.raises(SchemaDrift, match=r"without loss \(`1` is no list\)"):
        read(tmp_path, contract(v="list<bigint>"), {"a.json": b'[{"v": 1}]'})


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("line", [2, 3, 7000])
def test_the_line_that_is_not_of_the_encoding_is_named(tmp_path: Path, line: int, end: bytes) -> None:
    lines = [b"v", *(b"%d" % number for number in range(9000))]
    lines[line - 1] = b"M\xfcnchen"
    with pytest.raises(MalformedSource, match=f"line {line} is not UTF-8"):
        read(tmp_path, contract(v="string"), {"a.csv": end.join(lines)})


NO_TEXT = pa.array([b"ok", b"\xff", None], pa.binary()).view(pa.string())


@pytest.mark.parametrize("kind", ["parquet", "orc"])
def test_text_that_a_file_calls_utf8_and_is_not_is_refused_by_row_or_quarantined(tmp_path: Path, kind: str) -> None:
    """Writers promise UTF-8, readers of Parquet and ORC do not look, and a damaged page went live as text no one can read."""
    sink = pa.BufferOutputStream()
    (pq.write_table if kind == "parquet" else orc.write_table)(pa.table({"v": NO_TEXT}), sink)
    files = {f"a.{kind}": bytes(sink.getvalue())}
    with pytest.raises(SchemaDrift, match="column `v` of .*, row 2, .*UTF8"):
        read(tmp_path, contract(v="string"), files)
    (tmp_path / "scratch").rmdir()
    _, rows = read(tmp_path, contract("quarantine_unknown", v="string"), files, RejectedRows(lambda _: None))
    assert [row["v"] for row in rows] == ["ok", None]


def test_text_inside_a_list_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    body = parquet(v=pa.ListArray.from_arrays([0, 3], NO_TEXT))
    with pytest.raises(MalformedSource, match="not UTF-8"):
        read(tmp_path, contract(v="list<string>"), {"a.parquet": body})


def test_an_avro_record_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    far: Any = {
        "type": "record",
        "name": "r",
        "fields": [{"name": "v", "type": {"type": "int", "logicalType": "date"}}],
    }
    sink = io.BytesIO()
    fastavro.writer(sink, fastavro.parse_schema(far), [{"v": 0}, {"v": -800_000}])
    with pytest.raises(MalformedSource, match=r"`a\.avro` cannot be read: record 2"):
        read(tmp_path, contract(v="date"), {"a.avro": sink.getvalue()})
