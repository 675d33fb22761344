"""Documents of other releases, and documents that are broken."""

import json
from typing import Any

import pytest

from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.errors import LedgerCorrupt, NewerFormat
from lakeworks.ledger.document import FORMAT
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord, readable_records
from lakeworks.s3.object_store import ObjectStore
from tests.support.memory_s3 import MemoryS3

ENTRY: dict[str, Any] = {
    "table": "silver.test.rows", "partition": "", "seq": 1, "state": "published", "live_seq": 1, "period": "2019-01",
    "run": {"id": "r", "started_at": "2026-01-01T00:00:00Z"}, "contract_version": "1.0.0", "schema_fingerprint": "f",
    "content": "c", "location": "silver/test/rows/", "objects": [], "reserved_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
ADVICE = "is not a ledger entry: {problem}. Look."


def read(**changes: Any) -> LedgerEntry:
    return LedgerEntry.read(json.dumps({**ENTRY, **changes}).encode(), "s3://lake/x", ADVICE)


def test_fields_of_a_newer_release_are_read_over_and_written_back() -> None:
    """An older release completes what a newer one began: what only the newer one knows must not get lost."""
    entry = read(colour="blue", run={**ENTRY["run"], "host": "w1"})
    done = json.loads(entry.model_copy(update={"state": "unchanged"}).model_dump_json())
    assert (done["colour"], done["run"]["host"], done["state"]) == ("blue", "w1", "unchanged")


def test_documents_say_which_format_they_have() -> None:
    assert json.loads(read().model_dump_json())["format"] == FORMAT


def test_only_a_format_that_is_really_newer_is_refused() -> None:
    with pytest.raises(
        NewerFormat, match=r"s3://lake/x.*newer release.*format 2.*reads up to 1.*Nothing was changed. Upgrade"
    ):
        read(format=FORMAT + 1)


def test_a_document_that_does_not_parse_names_the_field() -> None:
    with pytest.raises(LedgerCorrupt, match=r"s3://lake/x.*is not a ledger entry: seq: .*Look"):
        read(seq="one")


def test_a_run_record_that_cannot_be_read_stops_no_other_run() -> None:
    """One broken record of period A stopped the audits of the next six periods."""
    client: Any = MemoryS3()
    store = ObjectStore(client, "lake", threads=1)
    keys = []
    for number in (1, 2, 3):
        record = RunRecord(
            table="silver.test.rows", period=f"2019-0{number}", run=Run(id=f"r{number}", started_at=ENTRY["reserved_at"]),
            contract_version="1.0.0", schema_fingerprint="f", balance=RowBalance(read=number, staged=number), partitions=(),
        )  # fmt: skip
        store.put(record.run_key, record.model_dump_json().encode())
        keys.append(record.run_key)
    store.put(keys[1], b"{")
    assert [record.balance.staged for record in readable_records(store, keys)] == [1, 3]
    assert keys[0].startswith(f"_ledger/{TableName.parse('silver.test.rows').path}/_runs/{Period.parse('2019-01')}/")
