"""Every format read from bytes as it comes from the programs that write it: the values, exactly, or a fault with its place."""

import base64
import bz2
import gzip
import json
import lzma
import uuid
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from lakeworks.arrival.contract_rows import conform
from lakeworks.errors import MalformedSource, SchemaDrift
from lakeworks.formats import limits
from lakeworks.formats.compression import plain
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.protocols import format_of
from lakeworks.formats.text.json_values import JsonNumber
from lakeworks.landing.readable_file import ReadableFile
from tests.conftest import contract_of

COLUMNS = {
    "id": {"type": "bigint", "description": "key"},
    "price": {"type": "decimal(30,10)", "description": "exact"},
    "name": {"type": "string", "description": "text"},
    "at": {"type": "timestamp", "description": "moment"},
    "day": {"type": "date", "description": "day"},
    "ok": {"type": "boolean", "description": "truth"},
}
ROWS: list[dict[str, Any]] = [
    {
        "id": 9007199254740993, "price": Decimal("12345678901234567890.1234567891"), "name": "0.10", "at": datetime(2019, 1, 5, 3, 4, 5, 6),
        "day": date(2019, 1, 5), "ok": True,
    },
    {"id": None, "price": Decimal("-0.5000000000"), "name": 'a,"b"\nü', "at": None, "day": None, "ok": None},
]  # fmt: skip
SCHEMA = pa.schema(
    [
        ("id", pa.int64()), ("price", pa.decimal128(30, 10)), ("name", pa.string()), ("at", pa.timestamp("us")),
        ("day", pa.date32()), ("ok", pa.bool_()),
    ]
)  # fmt: skip


def rows_of(path: Path, name: str = "", **options: Any) -> list[dict[str, Any]]:
    """The rows of a file in the types of the contract."""
    contract = contract_of("bronze.test.rows", columns=COLUMNS, grain=[], schema_policy="freeze")
    file = ReadableFile(path, name or path.name, {}, FormatOptions(**options))
    return list(conform([file], contract, path.parent).reader.read_all().to_pylist())


def raw(path: Path, **options: Any) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        batches = list(format_of(path.name, FormatOptions(**options)).read(file, FormatOptions(**options)))
    return [batch.record(row) for batch in batches for row in range(batch.rows)]


def as_csv(path: Path, delimiter: str = ",") -> None:
    lines = [
        delimiter.join(COLUMNS),
        delimiter.join(
            [
                "9007199254740993",
                "12345678901234567890.1234567891",
                "0.10",
                "2019-01-05T03:04:05.000006",
                "2019-01-05",
                "true",
            ]
        ),
        delimiter.join(["", "-0.5", '"a,""b""\nü"', "", "", ""]),
    ]
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")


def as_json_text(row: dict[str, Any]) -> str:
    texts = {
        **row,
        "at": row["at"] and row["at"].isoformat(),
        "day": row["day"] and row["day"].isoformat(),
        "price": "PRICE",
    }
    return json.dumps(texts).replace('"PRICE"', str(row["price"]))


def as_avro(path: Path) -> None:
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 10}
    moment = {"type": "long", "logicalType": "local-timestamp-micros"}
    fields = [
        {"name": "id", "type": ["null", "long"]}, {"name": "price", "type": decimal}, {"name": "name", "type": "string"},
        {"name": "at", "type": ["null", moment]}, {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {"name": "ok", "type": ["null", "boolean"]},
    ]  # fmt: skip
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "row", "fields": fields}, ROWS, codec="deflate")


def as_excel(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet
    sheet.append(list(COLUMNS))
    sheet.append(
        [
            "9007199254740993",
            "12345678901234567890.1234567891",
            "0.10",
            "2019-01-05T03:04:05.000006",
            date(2019, 1, 5),
            True,
        ]
    )
    sheet.append([None, -0.5, 'a,"b"\nü'])
    book.save(path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "rows.csv": as_csv,
    "rows.CSV": as_csv,
    "rows.tsv": lambda path: as_csv(path, "\t"),
    "rows.json": lambda path: path.write_text(f"[{', '.join(map(as_json_text, ROWS))}]"),
    "rows.jsonl": lambda path: path.write_text("\n".join(map(as_json_text, ROWS)) + "\n"),
    "rows.ndjson": lambda path: path.write_text("\n".join(map(as_json_text, ROWS))),
    "rows.parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS, SCHEMA), path),
    "part-0.c000.snappy.parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS, SCHEMA), path),
    "rows.orc": lambda path: orc.write_table(pa.Table.from_pylist(ROWS, SCHEMA), path),
    "rows.avro": as_avro,
    "rows.xlsx": as_excel,
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda body: pa.compress(body, "zstd", asbytes=True),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_exact_values(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    assert rows_of(tmp_path / name) == ROWS


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.json", "rows.parquet"])
def test_every_compression_is_read_and_a_cut_one_is_a_clear_fault(tmp_path: Path, name: str, ending: str) -> None:
    WRITERS[name](tmp_path / name)
    packed = tmp_path / f"{name}{ending}"
    packed.write_bytes(PACKERS[ending]((tmp_path / name).read_bytes()))
    assert rows_of(packed) == ROWS
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(MalformedSource, match="cannot be read"):
        rows_of(packed)


def test_several_members_of_a_gzip_file_are_one_file(tmp_path: Path) -> None:
    lines = [as_json_text(row).encode() + b"\n" for row in ROWS]
    for name, pack in (("a.jsonl.gz", gzip.compress), ("b.jsonl.zst", PACKERS[".zst"]), ("c.jsonl.bz2", bz2.compress)):
        (tmp_path / name).write_bytes(b"".join(map(pack, lines)))
        assert rows_of(tmp_path / name) == ROWS


def test_csv_as_a_german_spreadsheet_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "Bericht vom 5.1.\nid;price;name;at;day;ok\n1.234;1.234,50;1,5;NULL;n/a;\n7;-0,25;ü;;;\n", encoding="cp1252"
    )
    options = {
        "delimiter": ";",
        "encoding": "cp1252",
        "decimal_comma": True,
        "null_words": ["NULL", "n/a"],
        "skip_lines": 1,
    }
    assert [(row["id"], row["price"], row["name"], row["at"]) for row in rows_of(path, **options)] == [
        (1234, Decimal("1234.5"), "1,5", None), (7, Decimal("-0.25"), "ü", None),
    ]  # fmt: skip
    path.write_text("id;price;name;at;day;ok\n1;1.5;x;;;\n")
    with pytest.raises(SchemaDrift, match=r"line 2.*`1.5 is not written with a decimal comma`"):
        rows_of(path, delimiter=";", decimal_comma=True)


def test_csv_without_header_or_quotes(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('1|2.5|say "hi|2019-01-05 00:00:00|2019-01-05|false\n')
    options = {"delimiter": "|", "quote": None, "header": False, "columns": list(COLUMNS)}
    assert rows_of(path, **options)[0]["name"] == 'say "hi'


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "klingon"},
        {"header": False},
        {"columns": ["a"]},
        {"delimiter": ";;"},
        {"nanoseconds": "round"},
        {"delimeter": ";"},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FormatOptions(**options)


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("a.json", b'[{"id": 1}, {"id": 2', "item 2"),
        ("a.json", b'[{"id": 1} {"id": 2}]', "after item 1 comes '{'"),
        ("a.json", b'[{"id": 1}, 7]', "item 2 is no object"),
        ("a.json", b'[{"id": 1}] x', "after the array comes 'x'"),
        ("a.json", b'[{"id": 1},]', "item 2"),
        ("a.json", b'[{"id": "\\ud83d"}]', "half of a character"),
        ("a.json", b"[" * 100_000, "nested deeper"),
        ("a.json", b'[{"a": ' + b"[" * 300 + b"]" * 300 + b"}]", "nested deeper than 200 levels"),
        ("a.json", b"\xff", "it is not UTF-8"),
        ("a.jsonl", b'{"id": 1}\n{"id": \n', "line 2"),
        ("a.csv", b"id;v\n\xff\n", "`encoding` in source_options"),
        ("a.avro", b"Obj\x01 no", "cannot be read"),
        ("a.orc", b"ORC", "cannot be read"),
        ("a.xlsx", b"PK\x03\x04 no", "cannot be read"),
        ("a.parquet", b"PAR1PAR1", "cannot be read"),
        ("a.jsonl.zst", b"no zstd", "cannot be read"),
        ("a.docx", b"", "is none of .csv"),
    ],
)
def test_a_broken_file_is_a_fault_with_its_place(tmp_path: Path, name: str, body: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(body)
    with pytest.raises(MalformedSource) as raised:
        list(ReadableFile(path, name).batches())
    assert says in str(raised.value)


def test_a_json_array_is_read_object_by_object_whatever_its_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeworks.formats.text.json_file._CHUNK", 7)
    path = tmp_path / "a.json"
    path.write_text(
        '\n [ {"a": 123456789012345678901, "b": "x\\"]}ü"} ,\n{"a": 1e3, "c": [1, {"d": null}]}, {"a": -0}]\n'
    )
    first, second, third = raw(path)
    assert (first["a"], first["b"], second["c"]) == (123456789012345678901, 'x"]}ü', [1, {"d": None}])
    assert isinstance(second["a"], JsonNumber)
    assert (second["a"].text, third["a"].text) == ("1e3", "-0")
    path.write_text('{"a": 1}')
    assert raw(path) == [{"a": 1}]
    path.write_text("[]")
    assert raw(path) == []


def test_plain_bytes_are_counted_not_packed_ones(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 100_000))
    with path.open("rb") as file:
        stream = plain(file, "gzip", limit=50_000)
        with pytest.raises(ValueError, match="more than 50000 bytes once it is decompressed"):
            stream.read()


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl", "a.parquet"])
def test_twenty_thousand_columns_end_at_once(tmp_path: Path, name: str) -> None:
    path, wide = tmp_path / name, {f"column_{number}": 1 for number in range(20_000)}
    if name == "a.csv":
        path.write_text(",".join(wide) + "\n" + ",".join(["1"] * len(wide)) + "\n")
    elif name == "a.parquet":
        pq.write_table(pa.Table.from_pylist([wide]), path)
    else:
        path.write_text(json.dumps([wide] if name == "a.json" else wide))
    with pytest.raises(MalformedSource, match="it has 20000 columns, and a file may have 5000"):
        list(ReadableFile(path, name).batches())


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_one_endless_record_is_refused_before_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in ("limits", "text.text_stream", "text.json_lines"):
        monkeypatch.setattr(f"lakeworks.formats.{module}.RECORD_BYTES", 1 << 20)
    path = tmp_path / name
    path.write_text(("[" if name == "a.json" else "") + '{"a": "' + "x" * (4 << 20))
    with pytest.raises(MalformedSource, match=r"has more than 1048576 bytes without an end|larger than field limit"):
        list(ReadableFile(path, name).batches())


def test_batches_are_bounded_by_bytes_and_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"a": "{"x" * (1 << 20)}"}}\n' * 40)
    assert max(batch.rows for batch in ReadableFile(path, "a.jsonl").batches()) <= 17
    path.write_text("".join(json.dumps({f"c{row}_{column}": 1 for column in range(20)}) + "\n" for row in range(240)))
    assert (
        max(batch.rows * len(batch.columns) for batch in ReadableFile(path, "a.jsonl").batches()) <= limits.BATCH_CELLS
    )


def test_parquet_as_others_write_it(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table(
        {
            "view": pa.array(["a"], pa.string_view()), "time": pa.array([time(3, 4, 5)], pa.time64("us")),
            "uuid": pa.array([uuid.UUID(int=7).bytes], pa.uuid()), "category": pa.array(["x"]).dictionary_encode(),
            "ns": pa.array([1_546_646_400_000_000_001], pa.timestamp("ns")),
        }
    )  # fmt: skip
    pq.write_table(table, path)
    (row,) = raw(path)
    assert (row["view"], row["time"], row["uuid"], row["category"]) == (
        "a",
        "03:04:05.000000",
        str(uuid.UUID(int=7)),
        "x",
    )
    (row,) = raw(path, nanoseconds="truncate")
    assert row["ns"] == datetime(2019, 1, 5)
    far = pa.table({"at": pa.array([datetime(9999, 12, 31), datetime(2019, 1, 5)], pa.timestamp("us"))})
    pq.write_table(far.slice(1), path, use_deprecated_int96_timestamps=True)
    assert raw(path) == [{"at": datetime(2019, 1, 5)}]


def test_avro_types_become_types_of_the_lake(tmp_path: Path) -> None:
    inner = {
        "type": "record",
        "name": "inner",
        "fields": [{"name": "n", "type": "int"}, {"name": "u", "type": ["int", "string"]}],
    }
    fields = [
        {"name": "inner", "type": inner}, {"name": "again", "type": ["null", "inner"]}, {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "map", "type": {"type": "map", "values": "double"}}, {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["A", "B"]}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}, {"name": "key", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "clock", "type": {"type": "long", "logicalType": "time-micros"}},
    ]  # fmt: skip
    row = {
        "inner": {"n": 1, "u": "x"}, "again": None, "tags": ["a"], "map": {"k": 1.5}, "kind": "B", "at": datetime(2019, 1, 5),
        "key": uuid.UUID(int=7), "clock": time(3, 4, 5),
    }  # fmt: skip
    with (tmp_path / "a.avro").open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "row", "fields": fields}, [row])
    (found,) = raw(tmp_path / "a.avro")
    assert (found["inner"], found["again"], found["tags"], dict(found["map"])) == (
        {"n": 1, "u": "x"},
        None,
        ["a"],
        {"k": 1.5},
    )
    assert (found["kind"], found["key"], found["clock"], found["at"].tzname()) == (
        "B",
        str(uuid.UUID(int=7)),
        "03:04:05",
        "UTC",
    )
    looping = {"type": "record", "name": "row", "fields": [{"name": "next", "type": ["null", "row"]}]}
    with (tmp_path / "a.avro").open("wb") as file:
        fastavro.writer(
            file,
            {"type": "record", "name": "top", "fields": [{"name": "row", "type": looping}]},
            [{"row": {"next": None}}],
        )
    with pytest.raises(ValueError, match="contains itself"):
        raw(tmp_path / "a.avro")


def test_a_binary_file_is_one_row_about_it(tmp_path: Path) -> None:
    path = tmp_path / "scan.PNG.gz"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 100)
    (row,) = raw(path, format="binary")
    assert (row["size_bytes"], row["media_type"], len(row["sha256"])) == (108, "image/png", 64)


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"")
    assert raw(tmp_path / "a.jsonl") == []


def test_a_broken_line_is_kept_with_its_reason_and_its_bytes_where_the_contract_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": 1}\nno json\n\n[1]\n\xff\r\n{"id": 2}\n'))
    kept = format_of(path.name).read(path.open("rb"), FormatOptions(broken_lines="keep"))
    rows = [batch.record(row) for batch in kept for row in range(batch.rows)]
    assert [row["id"] for row in rows] == [1, None, None, None, 2]
    assert [base64.b64decode(row["line_raw"]) for row in rows[1:4]] == [b"no json", b"[1]", b"\xff"]
    assert ["line 2" in rows[1]["line_problem"], rows[2]["line_problem"]] == [True, "line 4 is no object"]
    assert rows[0]["line_problem"] is None
    with pytest.raises(ValueError, match="line 2"):
        list(format_of(path.name).read(path.open("rb"), FormatOptions()))
