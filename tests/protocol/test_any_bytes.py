"""Whatever bytes a stranger sends end in rows or in one error of the tree that names the file; seeded and bounded.

Examples are derived from the test itself (`derandomize`), so that every run tries the same ones; raise `EXAMPLES` to search.
"""

import bz2
import gzip
import io
import json
import lzma
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeError, TerminalError, TransientError
from lakeworks.formats.protocols import COMPRESSIONS, FORMATS, format_of
from lakeworks.lake import Lake
from lakeworks.landing.inbox import LakeInbox
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.write_step import write
from lakeworks.sources import AnySource, SourceConnection, open_source
from lakeworks.sources.http.limits import Limiter
from tests.conftest import contract_of
from tests.support.memory_s3 import memory_lake

EXAMPLES = int(os.environ.get("LAKE_FUZZ_EXAMPLES", "60"))
bounded = settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
DAY = Period.parse("2020-08-06")
COLUMNS = {
    "id": "bigint", "price": "decimal(12,2)", "ratio": "double", "note": "string", "at": "timestamp", "day": "date", "ok": "boolean",
    "who": "struct<name:string,age:int>", "tags": "list<string>",
}  # fmt: skip
ROW = {
    "id": 1, "price": 0.1, "ratio": 1e3, "note": "é", "at": "2020-08-06T01:02:03Z", "day": "2020-08-06", "ok": True,
    "who": {"name": "A", "age": 3}, "tags": ["x"],
}  # fmt: skip
TYPED = {**ROW, "at": datetime(2020, 8, 6, 1, 2, 3), "day": date(2020, 8, 6)}
POLICIES = ("freeze", "widen", "quarantine_unknown")


def events(policy: str) -> Contract:
    columns = {name: {"type": kind, "description": ""} for name, kind in COLUMNS.items()}
    return contract_of(
        "bronze.test.events", source="file_drop.events", partition_by=[], grain=[],
        columns=columns, schema_policy=policy, quarantine={"limit": 1.0},
    )  # fmt: skip


def run() -> Run:
    return Run(id="fuzz", started_at=datetime(2026, 1, 1, tzinfo=UTC))


def attempt(step: Callable[[], Any]) -> Any:
    """What a step returns; an error of the tree is an answer too, any other fails the test."""
    try:
        return step()
    except LakeError as error:
        return error


def says_enough(outcome: Any) -> bool:
    """A record of rows; or an error that says what, where and what to do."""
    return isinstance(outcome, RunRecord) or len(str(outcome)) > 40


def dropped(name: str, body: bytes, policy: str) -> Any:
    """Drop a file into an inbox, and run fetch and write."""
    with TemporaryDirectory() as folder:
        contract = events(policy)
        lake = replace(memory_lake(Path(folder)), contract=lambda _: contract)
        lake.store.put(f"inbox/events/{DAY}/{name}", body)
        source = open_source("file_drop", access=SourceConnection(inbox=LakeInbox(lake.store)))
        landed = attempt(lambda: land(lake, contract, DAY, run(), source))
        if isinstance(landed, LakeError):
            assert name in str(landed), "the error names the file"
            return landed
        return attempt(lambda: write(lake, contract.name, DAY, run()))


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([TYPED, TYPED]), sink)
    return sink.getvalue()


def orc() -> bytes:
    sink = io.BytesIO()
    pa.orc.write_table(pa.Table.from_pylist([TYPED]), sink)
    return sink.getvalue()


def avro() -> bytes:
    sink = io.BytesIO()
    fields = [
        {"name": "id", "type": "long"},
        {"name": "note", "type": ["null", "string"]},
        {"name": "price", "type": "double"},
    ]
    fastavro.writer(sink, {"type": "record", "name": "event", "fields": fields}, [{"id": 1, "note": "e", "price": 0.5}])
    return sink.getvalue()


def excel() -> bytes:
    sink, book = io.BytesIO(), openpyxl.Workbook()
    for row in (["id", "price", "note", "at"], [1, 0.5, "e", datetime(2020, 8, 6)]):
        book.active.append(row)
    book.save(sink)
    return sink.getvalue()


SAMPLES = {
    "a.csv": b'id,price,ratio,note,at\r\n1,0.10,1e3,"a ""b""",2020-08-06T01:02:03Z\r\n2,,,,\r\n',
    "a.json": json.dumps([ROW, {"id": 2}]).encode(),
    "a.jsonl": b"\n".join(json.dumps(item).encode() for item in (ROW, {"id": 2})),
    "a.parquet": parquet(),
}
SAMPLES["a.tsv"] = SAMPLES["a.csv"].replace(b",", b"\t")
SAMPLES["a.orc"], SAMPLES["a.avro"], SAMPLES["a.xlsx"] = orc(), avro(), excel()
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": partial(gzip.compress, mtime=0), "bz2": bz2.compress, "xz": lzma.compress,
    "zst": lambda body: bytes(pa.Codec("zstd").compress(body)),
}  # fmt: skip
SAMPLES |= {f"a.jsonl.{ending}": pack(SAMPLES["a.jsonl"]) for ending, pack in PACK.items()}
SAMPLES["a.parquet.gz"] = PACK["gz"](SAMPLES["a.parquet"])
EDITS = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.integers(0, 9), st.one_of(st.binary(max_size=6), st.sampled_from(
        [b"\x00", b"\xff", b'"', b"{", b"[" * 300, b"\\ud83d", b"1e999", b"9" * 40, b";", b"\r", b"null", b"NaN"]))),
    max_size=4,
)  # fmt: skip


def edited(body: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Replace some bytes at some places."""
    for place, length, new in edits:
        start = place % (len(body) + 1)
        body = body[:start] + new + body[start + length :]
    return body


def test_every_format_and_compression_is_tried_and_its_sample_is_read() -> None:
    assert {format_of(name).format.name for name in SAMPLES} == {item.name for item in FORMATS} - {"binary"}
    assert {format_of(name).compression for name in SAMPLES} == {None, *COMPRESSIONS.values()}
    for name, body in SAMPLES.items():
        record = dropped(name, body, "widen")
        assert not isinstance(record, LakeError), record
        assert record.balance.staged


@bounded
@given(name=st.sampled_from([*SAMPLES]), edits=EDITS, policy=st.sampled_from(POLICIES))
def test_a_damaged_file_of_any_format_gives_rows_or_an_error_of_the_tree(
    name: str, edits: list[tuple[int, int, bytes]], policy: str
) -> None:
    outcome = dropped(name, edited(SAMPLES[name], edits), policy)
    assert isinstance(outcome, RunRecord | TerminalError | TransientError)
    assert says_enough(outcome)


@bounded
@given(name=st.sampled_from([*SAMPLES]), body=st.binary(max_size=200), policy=st.sampled_from(POLICIES))
def test_any_bytes_at_all_give_rows_or_an_error_of_the_tree(name: str, body: bytes, policy: str) -> None:
    pack = PACK.get(name.rpartition(".")[2], bytes)
    outcome = dropped(name, pack(body), policy)
    assert isinstance(outcome, RunRecord | TerminalError | TransientError)
    assert says_enough(outcome)


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8),
        st.sampled_from(["2020-08-06", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "2020-08-06T25:00:00", "007", "-0", "1e3"]),
        st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["name", "age", "NAME", "x-y", ""]), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip


@bounded
@given(
    rows=st.lists(st.dictionaries(st.sampled_from([*COLUMNS, "ID", "new", "_run_id", "a;b", " id"]), VALUES, max_size=6), min_size=1, max_size=4),
    policy=st.sampled_from(POLICIES),
)  # fmt: skip
def test_any_values_are_kept_exactly_quarantined_or_refused(rows: list[dict[str, Any]], policy: str) -> None:
    record = dropped("a.json", json.dumps(rows).encode(), policy)
    assert isinstance(record, RunRecord | TerminalError | TransientError)
    assert says_enough(record)
    if isinstance(record, RunRecord):
        assert record.balance.read == len(rows) == record.balance.staged + record.balance.quarantined


@bounded
@given(
    st.lists(st.one_of(st.integers(-(2**64), 2**64), st.decimals(-(10**14), 10**14, places=3)), min_size=1, max_size=5)
)
def test_a_number_that_is_published_is_the_number_that_was_sent(numbers: list[Any]) -> None:
    body = "\n".join(f'{{"id": {item}, "price": {item}, "note": {item}, "ratio": {item}}}' for item in numbers)
    with TemporaryDirectory() as folder:
        contract = events("quarantine_unknown")
        lake = replace(memory_lake(Path(folder)), contract=lambda _: contract)
        lake.store.put(f"inbox/events/{DAY}/a.jsonl", body.encode())
        source = open_source("file_drop", access=SourceConnection(inbox=LakeInbox(lake.store)))
        land(lake, contract, DAY, run(), source)
        staged = write(lake, contract.name, DAY, run()).partitions
        files = [pq.read_table(io.BytesIO(lake.store.get(item.objects[0].key)[0])) for item in staged]
        kept = [row for table in files for row in table.to_pylist()]
    sent = {str(item) for item in numbers}
    for row in kept:
        assert row["note"] in sent
        assert row["id"] == row["price"] == Decimal(row["note"])
        assert Decimal(repr(row["ratio"])) == Decimal(row["note"])


class Canned(BaseAdapter):
    """A vendor that answers every request with one body."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body

    def send(self, request: Any, *arguments: Any, **named: Any) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.url = 200, request.url
        answer.raw = HTTPResponse(io.BytesIO(self.body), preload_content=False, status=200)
        return answer

    def close(self) -> None:
        """Nothing is open."""


VENDORS = {
    "bronze.market.equity_daily_bars": json.dumps({
        "Meta Data": {"3. Last Refreshed": "2020-08-06"},
        "Time Series (Daily)": {"2020-08-06": {"1. open": "1.0", "6. volume": "9"}},
    }),
    "bronze.market.crypto_bars": json.dumps({"prices": [[1596672000000, 1.5]], "market_caps": [], "total_volumes": None}),
    "bronze.market.fundamentals": json.dumps({
        "cik": 1, "entityName": "A", "facts": {"us-gaap": {"Assets": {"label": "a", "units": {"USD": [{"end": "2020-08-06", "val": 1}]}}}},
    }),
    "bronze.market.yahoo_daily_bars": json.dumps({"chart": {"error": None, "result": [{
        "meta": {"currency": "USD"}, "timestamp": [1596672000], "events": {"dividends": {"1": {"date": 1, "amount": 0.1}}},
        "indicators": {"quote": [{"open": [1.0]}], "adjclose": [{"adjclose": [1.0]}]}}]}}),
    "bronze.commerce.orders": json.dumps({"orders": [{"id": 1, "line_items": [{"id": 1, "price": "1.00"}]}]}),
    "reference.market.ticker_metadata": json.dumps(dict.fromkeys(
        ["Symbol", "Name", "AssetType", "CIK", "Exchange", "Currency", "Country", "Sector", "Industry", "FiscalYearEnd",
         "LatestQuarter", "SharesOutstanding", "MarketCapitalization"], "1")),
}  # fmt: skip
CONNECTIONS: dict[str, dict[str, Any]] = {
    "alpha_vantage": {"secret": "KEY", "options": {"profile": "premium", "requests_per_minute": 100_000}},
    "coingecko": {}, "sec": {"options": {"user_agent": "Name name@example.org"}}, "yahoo": {"options": {"accept_terms": True}},
    "shopify": {"base_url": "http://shop.test", "secret": "TOKEN", "options": {"read_all_orders": True}},
}  # fmt: skip
# Text of JSON that lies in the answers is replaced by other JSON: shapes a parser has never seen.
SWAPS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["null", "[]", "{}", "1", '"x"', "[[1]]", "[null]", '{"a": []}', "1e400", "true"])),
    max_size=3,
)  # fmt: skip


def reshaped(text: str, swaps: list[tuple[int, str]]) -> str:
    """Replace some values of a document, counted in its own order."""
    document: Any = json.loads(text)
    for number, new in swaps:
        places: list[tuple[Any, Any]] = []
        waiting = [document]
        while waiting:
            node = waiting.pop()
            pairs = (
                list(node.items())
                if isinstance(node, dict)
                else list(enumerate(node))
                if isinstance(node, list)
                else []
            )
            places += [(node, key) for key, _ in pairs]
            waiting += [item for _, item in pairs]
        if not places:
            return new
        holder, key = places[number % len(places)]
        holder[key] = json.loads(new)
    return json.dumps(document)


def answered(lake: Lake, contract: Contract, body: bytes) -> Any:
    """Fetch a table from a vendor that answers with these bytes, and write it."""
    name = str(contract.source).partition(".")[0]
    source: AnySource = open_source(name, access=SourceConnection(**CONNECTIONS[name]))
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, Canned(body))
    http = replace(source.http, session=session, attempts=1, sleep=lambda _: None, limiter=Limiter(name))  # type: ignore[union-attr]
    source = replace(source, http=http)  # type: ignore[type-var]
    period = DAY if contract.partition_by else Period.parse("2020-08")
    landed = attempt(lambda: land(lake, contract, period, run(), source))
    return landed if isinstance(landed, LakeError) else attempt(lambda: write(lake, contract.name, period, run()))


@pytest.mark.parametrize("table", VENDORS)
@settings(bounded, max_examples=max(EXAMPLES // 2, 1))
@given(swaps=SWAPS, edits=st.one_of(st.just([]), EDITS))
def test_any_answer_of_a_vendor_gives_rows_or_an_error_of_the_tree(
    table: str, swaps: list[tuple[int, str]], edits: list[tuple[int, int, bytes]]
) -> None:
    with TemporaryDirectory() as folder:
        contract = load_contract(table)
        lake = memory_lake(Path(folder))
        outcome = answered(lake, contract, edited(reshaped(VENDORS[table], swaps).encode(), edits))
    assert isinstance(outcome, RunRecord | TerminalError | TransientError)
    assert says_enough(outcome)


@pytest.mark.parametrize("table", VENDORS)
def test_the_answers_that_are_reshaped_are_read(table: str) -> None:
    """Otherwise the test above would see refusals only."""
    with TemporaryDirectory() as folder:
        record = answered(memory_lake(Path(folder)), load_contract(table), VENDORS[table].encode())
        assert not isinstance(record, LakeError), record
        assert record.balance.staged
