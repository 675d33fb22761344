"""A delivered file is its name and its content: nothing is skipped, lost or replaced by an older one without a word."""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.errors import (
    ConfigError,
    DeliveryShrank,
    FileChanged,
    LakeNotFound,
    LostRace,
    MalformedSource,
    NotPublishedYet,
)
from lakeworks.lake import Lake
from lakeworks.landing.delivered_files import file_key, store_file
from lakeworks.landing.forgetting import forget
from lakeworks.landing.inbox import LakeInbox
from lakeworks.landing.landing_set import LandingSet
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.write_step import write
from lakeworks.sources import SourceConnection, open_source
from lakeworks.sources.files.file_source import FileFacts
from tests.conftest import contract_of

DAY = Period.parse("2026-01-06")
RunAt = Callable[..., Run]


class Till:
    """The inbox of one table, and what a run makes of it."""

    def __init__(self, lake: Lake, run_at: RunAt) -> None:
        self.contract: Contract = contract_of(
            "bronze.test.events", source="file_drop.events", partition_by=["day"], grain=[], schema_policy="widen",
            columns={"id": {"type": "bigint", "description": ""}},
        )  # fmt: skip
        self.lake = replace(lake, contract=lambda _: self.contract)
        self.source = open_source("file_drop", access=SourceConnection(inbox=LakeInbox(lake.store)))
        self.run_at, self.runs = run_at, 0

    def drop(self, **files: "bytes | list[int]") -> None:
        for name, content in files.items():
            body = content if isinstance(content, bytes) else b"".join(b'{"id": %d}\n' % item for item in content)
            self.lake.store.put(f"inbox/events/{DAY}/{name.replace('__', '.')}", body)

    def remove(self, *names: str) -> None:
        self.lake.store.delete([f"inbox/events/{DAY}/{name}" for name in names])

    def fetch(self, *, again: bool = False) -> LandingSet:
        self.runs += not again
        made = land(self.lake, self.contract, DAY, self.run_at(self.runs), self.source)
        assert isinstance(made, LandingSet)
        return made

    def staged(self) -> int:
        return write(self.lake, self.contract.name, DAY, self.run_at(self.runs)).balance.staged


@pytest.fixture
def till(lake: Lake, run_at: RunAt) -> Till:
    return Till(lake, run_at)


def outcomes(made: LandingSet) -> dict[str, str]:
    return {note.name: note.outcome for note in made.files}


def test_a_file_and_its_compressed_twin_are_two_files(till: Till) -> None:
    till.drop(till__jsonl=[1], till__jsonl__gz=gzip.compress(b'{"id": 2}\n'))
    assert [item.request for item in till.fetch().answers] == ["till.jsonl", "till.jsonl.gz"]
    assert till.staged() == 2


def test_a_corrected_file_is_taken_whatever_an_unfinished_fetch_had_landed(till: Till) -> None:
    """Both were corrected, and the next try took the old one of the two."""
    till.drop(a__jsonl=[1, 2], b__jsonl=b'{"id": ')
    with pytest.raises(MalformedSource, match=r"b\.jsonl` cannot be read: line 1"):
        till.fetch()
    till.drop(a__jsonl=[11, 12, 13], b__jsonl=[14])
    made = till.fetch(again=True)
    assert outcomes(made) == {"a.jsonl": "taken", "b.jsonl": "taken"}
    assert till.staged() == 4


def test_a_run_that_failed_looks_into_the_inbox_again(till: Till) -> None:
    till.drop(a__jsonl=b'{"other": 1}\n')
    till.fetch()
    with pytest.raises(Exception, match="another table's file"):
        till.staged()
    till.drop(a__jsonl=[1])
    assert [note.why for note in till.fetch(again=True).files] == ["corrected"]
    assert till.staged() == 1


def test_a_removed_file_stays_until_a_person_forgets_it(till: Till) -> None:
    till.drop(a__jsonl=[1, 2], b__jsonl=[3])
    first = till.fetch()
    till.remove("a.jsonl")
    kept = till.fetch()
    assert (outcomes(kept), kept.same_as) == ({"b.jsonl": "unchanged", "a.jsonl": "kept"}, first.fetch)
    till.remove("b.jsonl")
    assert till.fetch().facts == {"kept": "`a.jsonl`, `b.jsonl`"}
    assert till.staged() == 3, "an empty inbox takes nothing away"
    forget(till.lake, till.contract, DAY, ["a.jsonl"])
    assert till.staged() == 1
    assert outcomes(till.fetch()) == {"b.jsonl": "kept"}
    assert till.staged() == 1
    with pytest.raises(LakeNotFound, match=r"no delivered file `a\.jsonl`. Known: b\.jsonl"):
        forget(till.lake, till.contract, DAY, ["a.jsonl"])


def test_a_renamed_or_compressed_file_is_not_counted_twice(till: Till) -> None:
    till.drop(a__jsonl=[1, 2], b__jsonl=[3])
    till.fetch()
    till.remove("a.jsonl", "b.jsonl")
    till.drop(renamed__jsonl=[1, 2], b__jsonl__gz=gzip.compress(b'{"id": 3}\n'))
    made = till.fetch()
    assert outcomes(made) == {
        "b.jsonl.gz": "taken",
        "renamed.jsonl": "taken",
        "a.jsonl": "skipped",
        "b.jsonl": "skipped",
    }
    assert [note.why for note in made.files][2:] == [
        "is the same file as `renamed.jsonl`, which was dropped later", "is the same file as `b.jsonl.gz`, which was dropped later",
    ]  # fmt: skip
    assert till.staged() == 3


def test_two_files_of_the_same_content_are_two_files(till: Till) -> None:
    till.drop(a__jsonl=[1], b__jsonl=[1])
    till.fetch()
    till.remove("a.jsonl")
    till.fetch()
    assert till.staged() == 2


def test_a_shrinking_file_is_noted_and_stops_by_the_bound(till: Till) -> None:
    till.drop(a__jsonl=[*range(1000)])
    till.fetch()
    till.drop(a__jsonl=[*range(600)])
    assert till.fetch().facts == {"shrunk": "a.jsonl: 1000 to 600 rows"}
    till.drop(a__jsonl=[1])
    with pytest.raises(
        DeliveryShrank, match=r"(?s)has 1 rows.*had 600.*the earlier file remains valid.*lakeworks forget"
    ):
        till.fetch()
    assert till.staged() == 600
    till.drop(b__jsonl=[7])
    till.remove("a.jsonl")
    till.fetch()
    forget(till.lake, till.contract, DAY, ["a.jsonl"])
    till.drop(a__jsonl=[1])
    till.fetch()
    assert till.staged() == 2


def test_an_error_names_table_file_and_line(till: Till) -> None:
    till.drop(a__jsonl=b'{"id": 1}\n{"id": \n')
    with pytest.raises(
        MalformedSource, match=r"`bronze.test.events` 2026-01-06: `s3://.*/a.jsonl` cannot be read: line 2"
    ):
        till.fetch()
    till.drop(a__jsonl=[*range(10)])
    till.fetch()
    till.drop(a__jsonl=[1])
    with pytest.raises(DeliveryShrank, match=r"`bronze.test.events` 2026-01-06: `s3://.*/a.jsonl` has 1 rows"):
        till.fetch()


def test_a_bound_of_nothing_takes_every_correction(till: Till) -> None:
    till.contract = till.contract.model_copy(update={"source_options": {"least_share_of_rows": 0}})
    till.drop(a__jsonl=[*range(9)])
    till.fetch()
    till.drop(a__jsonl=b"")
    till.fetch()
    assert till.staged() == 0


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("_SUCCESS", "is hidden, or a marker"),
        (".hidden.jsonl", "is hidden, or a marker"),
        ("a.jsonl.part", "ending of an unfinished file"),
        ("deeper/c.jsonl", "is in a folder below"),
        ("a.csv", r"is none of the files `\*.jsonl` of the contract"),
    ],
)
def test_what_is_not_taken_is_noted_with_the_reason(till: Till, name: str, why: str) -> None:
    till.contract = till.contract.model_copy(update={"source_options": {"files": "*.jsonl"}})
    till.drop(**{name.replace(".", "__"): b"x"})
    with pytest.raises(NotPublishedYet, match=f"It holds only `{name}`, which are not taken"):
        till.fetch()
    till.drop(good__jsonl=[1])
    (note,) = [note for note in till.fetch().files if note.outcome == "skipped"]
    assert note.name == name
    assert why.replace("\\", "") in note.why


def test_a_landed_file_that_was_changed_is_refused(till: Till) -> None:
    till.drop(a__jsonl=[1])
    (item,) = till.fetch().answers
    body, head = till.lake.store.get(item.key)
    till.lake.store.put(item.key, body.replace(b"1", b"2"))
    with pytest.raises(
        MalformedSource, match=r"differs from the landed file.*Nothing was staged.*drop `a.jsonl` again"
    ):
        till.staged()
    assert head.metadata["rows"] == "1"


def test_a_broken_list_of_a_fetch_is_an_error_of_the_tree(till: Till) -> None:
    till.drop(a__jsonl=[1])
    made = till.fetch()
    for body in (b"{", b"[]", b"\xff"):
        till.lake.store.put(made.key, body)
        with pytest.raises(
            MalformedSource, match=r"_set\.json` is not a valid list of a fetch's files.*live data is unchanged"
        ):
            till.staged()


def test_of_two_processes_that_land_one_file_the_first_copy_stays(till: Till, tmp_path: Path) -> None:
    path, key = tmp_path / "a.jsonl", file_key("landing/test/file_drop/events/", "a.jsonl", "v1")

    def facts(body: bytes) -> FileFacts:
        path.write_bytes(body)
        sha256 = hashlib.sha256(body).hexdigest()
        return FileFacts("file:///a.jsonl", datetime.now(UTC), sha256, sha256, 1, 1)

    store_file(till.lake, (key, "a.jsonl", "v1"), path, facts(b"1"), till.run_at(1))
    with pytest.raises(LostRace):
        store_file(till.lake, (key, "a.jsonl", "v1"), path, facts(b"2"), till.run_at(2))
    with pytest.raises(FileChanged, match="changed while it was read. It was not stored"):
        store_file(till.lake, (f"{key}x", "a.jsonl", "v1"), path, replace(facts(b"3"), sha256="0" * 64), till.run_at(3))
    assert till.lake.store.get(key)[0] == b"1"


def test_the_last_file_of_a_period_is_not_forgotten(till: Till) -> None:
    till.drop(a__jsonl=[1])
    till.fetch()
    with pytest.raises(ConfigError, match=r"would have no file left\. Nothing was changed.*lakeworks withdraw"):
        forget(till.lake, till.contract, DAY, ["a.jsonl"])
    assert till.staged() == 1
