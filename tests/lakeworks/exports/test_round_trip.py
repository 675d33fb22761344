"""Every format gives back the rows that went in, value by value, read by readers that are not ours."""

import csv
import gzip
import io
import json
import math
from base64 import b64decode
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from lakeworks.errors import ConfigError, ContractError
from lakeworks.exports.encoding import FORMATS, Encoding, encoder, exported_schema, format_of
from lakeworks.exports.targets import Counted

SCHEMA = pa.schema(
    [
        ("flag", pa.bool_()), ("tiny", pa.int8()), ("big", pa.int64()), ("real", pa.float32()), ("ratio", pa.float64()),
        ("amount", pa.decimal128(38, 2)), ("count", pa.decimal128(38, 0)), ("text", pa.string()), ("raw", pa.binary()),
        ("day", pa.date32()), ("moment", pa.timestamp("us")), ("tags", pa.list_(pa.string())),
        ("place", pa.struct([("city", pa.string()), ("since", pa.timestamp("us")), ("fee", pa.decimal128(9, 2))])),
        ("rates", pa.map_(pa.string(), pa.decimal128(9, 3))),
    ]
)  # fmt: skip
ROWS: list[dict[str, Any]] = [
    {
        "flag": True, "tiny": -128, "big": 2**63 - 1, "real": 0.1, "ratio": 0.1 + 0.2, "count": Decimal(2**70),
        "amount": Decimal("-999999999999999999999999999999999999.99"), "text": 'a "quoted", line\nand ünïcode \U0001f600',
        "raw": b"\x00\xff", "day": date(1969, 12, 31), "moment": datetime(2262, 1, 1, 23, 59, 59, 999999), "tags": ["", "b", None],
        "place": {"city": "Rome", "since": datetime(2019, 1, 1, 0, 0, 0, 1), "fee": Decimal("0.10")},
        "rates": [("é", Decimal("1.500")), ("", None)],
    },
    dict.fromkeys(SCHEMA.names),
    {
        "flag": False, "tiny": 0, "big": -(2**63), "real": -0.0, "ratio": 1e-300, "count": Decimal(0), "amount": Decimal("0.00"),
        "text": "", "raw": b"", "day": date(9999, 12, 31), "moment": datetime(1970, 1, 1), "tags": [],
        "place": {"city": None, "since": None, "fee": None}, "rates": [],
    },
]  # fmt: skip
BATCH = pa.RecordBatch.from_pylist(ROWS, SCHEMA)


def written(form: str, *batches: pa.RecordBatch, schema: pa.Schema = SCHEMA, safe: bool = False) -> bytes:
    out = io.BytesIO()
    encoding, stream = Encoding(form, safe), Counted(out)
    with encoder(encoding)(stream, exported_schema(schema), encoding) as write:  # type: ignore[arg-type]
        for batch in batches:
            write(batch)
    assert stream.bytes == len(out.getvalue())
    return out.getvalue()


def unpacked(form: str, body: bytes) -> bytes:
    return gzip.decompress(body) if form.endswith(".gz") else body


def stored() -> list[dict[str, Any]]:
    return BATCH.to_pylist() * 2


@pytest.mark.parametrize("form", ["parquet", "orc"])
def test_columns_come_back(form: str) -> None:
    body = io.BytesIO(written(form, BATCH, BATCH))
    found = pq.read_table(body) if form == "parquet" else orc.ORCFile(body).read().cast(SCHEMA)
    assert found.schema.equals(SCHEMA)
    assert found.to_pylist() == stored()


def test_avro_comes_back() -> None:
    def same(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(UTC).replace(tzinfo=None)
        if isinstance(value, dict):
            return {name: same(inner) for name, inner in value.items()}
        return value

    found = [same(row) for row in fastavro.reader(io.BytesIO(written("avro", BATCH, BATCH)))]  # type: ignore[arg-type]
    assert found == [{**row, "rates": row["rates"] if row["rates"] is None else dict(row["rates"])} for row in stored()]


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "json.gz"])
def test_json_lines_come_back(form: str) -> None:
    lines = unpacked(form, written(form, BATCH, BATCH)).decode().splitlines()
    found = [json.loads(line) for line in lines]
    assert [list(row) for row in found] == [SCHEMA.names] * 6
    first, nothing, third = found[:3]
    assert found[3:] == found[:3]
    assert set(nothing.values()) == {None}
    assert (first["big"], first["ratio"], first["text"]) == (ROWS[0]["big"], 0.1 + 0.2, ROWS[0]["text"])
    assert (first["amount"], first["count"], third["amount"]) == (str(ROWS[0]["amount"]), 2**70, "0.00")
    assert b64decode(first["raw"]) == ROWS[0]["raw"]
    assert (date.fromisoformat(first["day"]), datetime.fromisoformat(first["moment"])) == (
        ROWS[0]["day"],
        ROWS[0]["moment"],
    )
    assert first["place"] == {"city": "Rome", "since": "2019-01-01T00:00:00.000001", "fee": "0.10"}
    assert (first["rates"], first["tags"]) == ({"é": "1.500", "": None}, ["", "b", None])


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
def test_csv_comes_back(form: str) -> None:
    text = unpacked(form, written(form, BATCH, BATCH)).decode()
    header, first, nothing, third, *again = list(csv.reader(io.StringIO(text, newline="")))
    assert header == SCHEMA.names
    assert again == [first, nothing, third]
    row, last = dict(zip(header, first, strict=True)), dict(zip(header, third, strict=True))
    assert (int(row["big"]), float(row["ratio"]), row["text"]) == (ROWS[0]["big"], 0.1 + 0.2, ROWS[0]["text"])
    assert (row["amount"], row["count"], last["amount"]) == (str(ROWS[0]["amount"]), str(2**70), "0.00")
    assert (row["moment"], row["day"]) == ("2262-01-01 23:59:59.999999", "1969-12-31")
    assert json.loads(row["place"])["fee"] == "0.10"
    assert "\n,,,,,,,,,,,,,\n" in text, "a null is nothing"
    assert ',"",' in text, "empty text is no null"


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_rows_give_the_same_bytes_and_no_rows_give_a_file(form: str) -> None:
    assert written(form, BATCH) == written(form, BATCH)
    assert len(written(form)) or form == "jsonl"


def test_what_json_cannot_say_is_text() -> None:
    rows = pa.RecordBatch.from_pydict({"a": [math.nan, math.inf, -math.inf]})
    lines = written("jsonl", rows, schema=rows.schema).decode().splitlines()
    assert [json.loads(line)["a"] for line in lines] == ["NaN", "Infinity", "-Infinity"]


def test_formulas_are_harmless_where_that_is_asked_for() -> None:
    texts = ["=1+1", "+1", "-1", "@A1", "\tx", "\rx", "plain", "a=b", "", None]
    rows = pa.RecordBatch.from_pydict({"=name": texts, "number": list(range(-5, 5))})
    found = list(csv.reader(io.StringIO(written("csv", rows, schema=rows.schema, safe=True).decode(), newline="")))
    assert found[0] == ["'=name", "number"]
    assert [row[0] for row in found[1:7]] == [f"'{text}" for text in texts[:6]]
    assert [row[0] for row in found[7:]] == ["plain", "a=b", "", ""]
    assert [row[1] for row in found[1:]] == [str(number) for number in range(-5, 5)], "numbers stay numbers"
    plain = list(csv.reader(io.StringIO(written("csv", rows, schema=rows.schema).decode(), newline="")))
    assert plain[1] == ["=1+1", "-5"]
    with pytest.raises(ConfigError, match="--spreadsheet-safe is only for csv"):
        Encoding("parquet", spreadsheet_safe=True)


def test_what_a_format_has_no_place_for_is_refused() -> None:
    old = pa.RecordBatch.from_pydict({"seen": pa.array([datetime(1, 1, 1)], pa.timestamp("us"))})
    with pytest.raises(ContractError, match=r"`seen` has a moment before 1677"):
        written("orc", old, schema=old.schema)
    assert written("parquet", old, schema=old.schema)
    odd = pa.RecordBatch.from_pydict({"total amount": [1]})
    with pytest.raises(ContractError, match="Avro has no name like `total amount`"):
        written("avro", odd, schema=odd.schema)
    with pytest.raises(ContractError, match="Column `took`"):
        exported_schema(pa.schema([("took", pa.duration("s"))]))
    with pytest.raises(ContractError, match="Two columns have one name"):
        exported_schema(pa.schema([("a", pa.int64()), ("A", pa.int64())]))


def test_a_name_says_its_format() -> None:
    assert [format_of(name) for name in ("a.csv", "s3://b/x.JSON.gz", "a.b.csv.gz")] == ["csv", "json.gz", "csv.gz"]
    with pytest.raises(ConfigError, match="has no ending of a known format"):
        format_of(str(Path("a.xlsx")))
