"""Dropped files: what is whole is landed, what is broken is named, whatever the format and where the inbox."""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.errors import ConfigError, ContractError, MalformedSource, NotPublishedYet
from lakeworks.landing.inbox import LakeInbox
from lakeworks.landing.readable_file import ReadableFile
from lakeworks.s3.object_store import ObjectStore
from lakeworks.sources import SourceConnection
from lakeworks.sources.files import file_drop
from lakeworks.sources.files.file_drop import FileDrop, connect
from lakeworks.sources.files.file_source import FileFacts, LandedFile
from lakeworks.sources.files.local_inbox import LocalInbox
from tests.lakeworks.sources.vendor_lake import wanted

EVENTS = wanted("events", "2017-01-05")


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "in box" / "events" / "2017-01-05"
    folder.mkdir(parents=True)
    return folder


def client(drop: Path) -> FileDrop:
    return connect(SourceConnection(drop.parents[1].as_uri()))


@dataclass
class MemoryFiles:
    """Lands files as their rows; what the pipeline does with it is tested there."""

    folder: Path
    rows: list[Any] = field(default_factory=list)
    facts: list[FileFacts] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    files_before: dict[str, LandedFile] = field(default_factory=dict)

    def take_file(self, name: str, version: str, bring: Callable[[Path], FileFacts]) -> LandedFile:
        path = self.folder / "landed"
        facts = bring(path)
        for batch in ReadableFile(path, name).batches():
            self.rows += [batch.record(place) for place in range(batch.rows)]
        self.facts.append(facts)
        return LandedFile(name, version, facts.content, facts.rows)

    def keep_file(self, name: str, why: str) -> None:
        raise AssertionError(f"nothing was landed before, but `{name}` {why}")

    def skip_file(self, name: str, why: str) -> None:
        self.skipped[name] = why


def fetched(drop: Path, asked: Any = EVENTS) -> list[Any]:
    landing = MemoryFiles(drop.parents[1])
    client(drop).collect_files(asked, landing)
    return landing.rows


def parquet(*values: int) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [*values]}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        (
            "a.csv",
            b'\xef\xbb\xbfid,name\r\n1,"a, b"\r\n2,\r\n\r\n',
            [{"id": "1", "name": "a, b"}, {"id": "2", "name": None}],
        ),
        ("a.json", b'[{"id": 1}, {"id": 2.5}]', [{"id": 1}, {"id": 2.5}]),
        ("a.json", b'{"id": 1}', [{"id": 1}]),
        ("a.jsonl", b'{"id": 1}\n\n{"id": "x"}', [{"id": 1}, {"id": "x"}]),
        ("a.jsonl", b"", []),
        ("a.jsonl.gz", gzip.compress(b'{"id": 1}', mtime=0), [{"id": 1}]),
        ("a.parquet", parquet(1, 2), [{"id": 1}, {"id": 2}]),
    ],
)
def test_every_format_is_read(drop: Path, name: str, body: bytes, expected: list[Any]) -> None:
    (drop / name).write_bytes(body)
    assert fetched(drop) == expected


@pytest.mark.parametrize(
    ("name", "body", "match"),
    [
        ("a.csv", b"id,name\n1\n", "line 2 has 1 fields, the header 2"),
        ("a.csv", b"id,id\n1,2\n", "line 1 must name every column once"),
        ("a.csv", b"", "line 1 must name every column"),
        ("a.csv", b'id\n"1\n', "line 2: unexpected end"),
        ("a.csv", b"id\n\xff\n", "line 2 is not UTF-8"),
        ("a.json", b"[{", "cannot be read: item 1: Expecting"),
        ("a.json", b"[1]", "item 1 is no object"),
        ("a.jsonl", b'{"id": 1}\n{"id": ', "line 2: Expecting value"),
        ("a.jsonl", b"1\n", "line 1 is no object"),
        ("a.jsonl.gz", b"plain", "Not a gzipped file"),
        ("a.jsonl.gz", gzip.compress(b"{}" * 99, mtime=0)[:-9], "EOFError"),
        ("a.jsonl", b'{"id": 1}\n{"id": "\\ud83d"}', "line 2: its text has half of a character, .ud83d"),
        ("a.json", b"[" * 100_000, "nested deeper than 200 levels"),
        ("a.parquet", parquet(1)[:-9], "cannot be read"),
        ("a.docx", b"PK", r"`\.docx` is none of"),
    ],
)
def test_a_broken_file_is_named_and_not_landed(drop: Path, name: str, body: bytes, match: str) -> None:
    (drop / name).write_bytes(body)
    landing = MemoryFiles(drop.parents[1])
    with pytest.raises(MalformedSource, match=rf"file:///.*/in%20box/events/2017-01-05/{name}.*{match}"):
        client(drop).collect_files(EVENTS, landing)
    assert landing.facts == []


def test_only_finished_files_that_are_meant_are_taken(drop: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", ".c.jsonl", "d.jsonl.part", "e.tmp", "f.csv"):
        (drop / name).write_text(json.dumps({"id": name}))
    (drop / "folder").mkdir()
    asked = wanted("events", "2017-01-05", files="*.jsonl")
    assert [row["id"] for row in fetched(drop, asked)] == ["a.jsonl", "b.jsonl"]


def test_unfinished_and_hidden_files_are_left_alone_whatever_is_asked_for(drop: Path) -> None:
    for name in ("a.jsonl", ".c.jsonl", "d.jsonl.part", "e.tmp"):
        (drop / name).write_text(json.dumps({"id": name}))
    assert [row["id"] for row in fetched(drop)] == ["a.jsonl"]


def test_nothing_dropped_is_waited_for(drop: Path) -> None:
    for asked in (EVENTS, wanted("events", "2017-01-06")):
        with pytest.raises(NotPublishedYet, match="Nothing was dropped in .*looks again later"):
            fetched(drop, asked)


def test_a_file_beyond_the_limit_is_not_read(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_drop, "FILE_BYTES", 99)
    with (drop / "a.csv").open("wb") as file:
        file.truncate(100)
    with pytest.raises(MalformedSource, match="Cut it into several files"):
        fetched(drop)


def test_the_lakes_inbox_and_a_folder_are_read_alike(store: ObjectStore, tmp_path: Path) -> None:
    names = {"a.csv": b"id\n1\n", "b.json": b"[]", "deeper/c.csv": b"id\n3\n"}
    for name, body in names.items():
        store.put(f"inbox/events/2017-01-05/{name}", body)
        path = tmp_path / "events" / "2017-01-05" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    for inbox in (LakeInbox(store), LocalInbox(tmp_path)):
        found = inbox.files("events/2017-01-05")
        assert {name: item.size for name, item in found.items()} == {"a.csv": 5, "b.json": 2, "deeper/c.csv": 5}
        inbox.download("events/2017-01-05", "a.csv", found["a.csv"].version, tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == b"id\n1\n"
        assert inbox.files("events/2017-01-06") == {}
        landing = MemoryFiles(tmp_path)
        connect(SourceConnection(inbox=inbox)).collect_files(EVENTS, landing)
        assert [facts.url for facts in landing.facts] == [
            inbox.address("events/2017-01-05", n) for n in ("a.csv", "b.json")
        ]
        assert landing.skipped == {"deeper/c.csv": "is in a folder below the period's folder"}
        before = inbox.files("events/2017-01-05")
        store.put("inbox/events/2017-01-05/a.csv", b"id\n2\n")
        (tmp_path / "events" / "2017-01-05" / "a.csv").write_bytes(b"id\n2\n")
        changed = [name for name, item in inbox.files("events/2017-01-05").items() if item != before[name]]
        assert changed == ["a.csv"], "another content of the same size is another version"
        with pytest.raises(NotPublishedYet, match="a.csv` changed while it was fetched. It was not landed"):
            inbox.download("events/2017-01-05", "a.csv", before["a.csv"].version, tmp_path / "copy")
        store.put("inbox/events/2017-01-05/a.csv", b"id\n1\n")
        (tmp_path / "events" / "2017-01-05" / "a.csv").write_bytes(b"id\n1\n")


def test_a_wrong_connection_or_option_says_what_to_write(drop: Path) -> None:
    for access in (SourceConnection("https://example.org"), SourceConnection()):
        with pytest.raises(ConfigError, match=r"file:///path"):
            connect(access)
    with pytest.raises(ContractError, match="`pattern`: Extra"):
        fetched(drop, wanted("events", "2017-01-05", pattern="*.csv"))
