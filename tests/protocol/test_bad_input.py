"""Bad input, bad clocks, strangers in the bucket: each a clear error, live data as it was, nothing half-visible, nothing lost."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.errors import (
    AuditFailed,
    FencedError,
    LakeError,
    LedgerCorrupt,
    LiveChanged,
    MalformedSource,
    PartitionNotOwned,
    SchemaDrift,
    TerminalError,
)
from lakeworks.lake import Lake
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.maintenance.verification import repair, verify
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import Download
from tests.conftest import contract_of

JANUARY = Period.parse("2019-01")
RunAt = Callable[..., Run]
DAY = datetime(2019, 1, 5)


def events(**changes: Any) -> Contract:
    """A bronze table that takes what arrives, partitioned by the day of a column."""
    columns = {
        "id": {"type": "bigint", "required": True, "description": "key"},
        "at": {"type": "timestamp", "description": "when"},
        "price": {"type": "double", "description": "USD"},
    }
    base = {"columns": columns, "partition_by": ["day(at)"], "source": "nyc_tlc.events", "schema_policy": "widen"}
    return contract_of("bronze.test.events", **{**base, **changes})


@dataclass
class Given:
    """A source that serves one table, as its vendor's ETag and clock have it."""

    rows: pa.Table
    fetched_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def fetch(self, dataset: str, period: Period, *, known_etag: str | None, scratch: Path) -> Download:
        path = scratch / "events.parquet"
        pq.write_table(self.rows, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return Download(path, "http://events.test/", digest[:8], None, digest, path.stat().st_size, self.fetched_at)


def arrived(**columns: Any) -> pa.Table:
    rows = len(next(iter(columns.values())))
    usual = {"id": list(range(rows)), "at": [DAY] * rows, "price": [1.5] * rows}
    return pa.table({**{key: value for key, value in usual.items() if key not in columns}, **columns})


def run(lake: Lake, contract: Contract, run_: Run, source: Given) -> RunRecord:
    """All steps."""
    land(lake, contract, JANUARY, run_, source)
    return publish(lake, audit(lake, write(lake, contract.name, JANUARY, run_).key).key)


@pytest.fixture
def filled(lake: Lake, run_at: RunAt) -> Lake:
    """A lake with one good day live."""
    contract = events()
    lake = replace(lake, contract=lambda _: contract)
    run(lake, contract, run_at(1), Given(arrived(id=[1, 2])))
    return lake


def state(lake: Lake) -> tuple[Any, ...]:
    """Everything a reader could see."""
    contract = events()
    objects = {
        item.key: lake.store.head(item.key) and lake.store.get(item.key)[0] for item in lake.store.scan("bronze/")
    }
    catalog = sorted(str(item["Values"]) for item in lake.catalog.partitions(contract))
    return objects, catalog, lake.ledger.live_partitions(contract.table)


@pytest.mark.parametrize(
    ("table", "error", "says"),
    [
        (arrived(id=["a", "b"]), SchemaDrift, r"column `id`.*is string and does not fit int64.*stays in landing"),
        (arrived(price=["x", "y"]), SchemaDrift, r"`price`.*string.*nothing was staged"),
        (arrived(id=[True, False]), SchemaDrift, r"`id`.*bool"),
        (arrived(id=pa.array([2**63, 1], pa.uint64())), SchemaDrift, r"`id`.*uint64"),
        (arrived(at=["2019-01-05", "x"]), SchemaDrift, r"`at`.*string"),
        (arrived(price=[{"a": 1}, None]), SchemaDrift, r"`price`.*struct"),
        (arrived(id=[7, 7]), AuditFailed, r"expect_column_values_to_be_unique.*`id`.*2 of 2 rows.*'id': '7'"),
        (arrived(id=[7, 7], at=[DAY, DAY + timedelta(days=1)]), AuditFailed, r"unique.*`id`.*2 of 2 rows"),
        (arrived(id=[1, None]), AuditFailed, r"expect_column_values_to_not_be_null.*`id`"),
        (arrived(at=[None, None]), PartitionNotOwned, r"`at` is null"),
        (arrived(at=pa.array([DAY, None])), PartitionNotOwned, r"`at` is null"),
        (arrived(at=[DAY, datetime(2019, 2, 1)]), PartitionNotOwned, r"partition 2019-02-01.*outside of 2019-01"),
        (arrived(id=[1]).drop_columns(["at"]), PartitionNotOwned, r"`at` is null"),
        (arrived(id=[1]).drop_columns(["id"]), TerminalError, r"`id`"),
        (arrived(id=[]).slice(0, 0), TerminalError, r"would become empty"),
    ],
    ids=["text key", "text price", "boolean key", "too large", "text time", "nested", "key twice", "key on two days", "key missing",
         "partition column null", "one null", "another month's", "partition column gone", "key column gone", "no rows"],
)  # fmt: skip
def test_rows_that_do_not_fit_stop_the_run_and_leave_everything_as_it_was(
    filled: Lake, run_at: RunAt, table: pa.Table, error: type[LakeError], says: str
) -> None:
    before = state(filled)
    with pytest.raises(error, match=f"(?s){says}"):
        run(filled, events(), run_at(2), Given(table, datetime(2026, 2, 1, tzinfo=UTC)))
    assert state(filled) == before
    assert len(list(filled.store.scan("landing/"))) == 2, "what arrived stays in landing"


class NoParquet(Given):
    """A source that serves something else under the name."""

    def fetch(self, dataset: str, period: Period, *, known_etag: str | None, scratch: Path) -> Download:
        served = super().fetch(dataset, period, known_etag=known_etag, scratch=scratch)
        served.path.write_bytes(b"PAR1 not really")
        digest = hashlib.sha256(served.path.read_bytes()).hexdigest()
        return replace(served, etag=digest[:8], sha256=digest, size=15)


def test_a_file_that_is_no_parquet_stops_the_run(filled: Lake, run_at: RunAt) -> None:
    before = state(filled)
    with pytest.raises(MalformedSource, match="cannot be read.*live data is unchanged"):
        run(filled, events(), run_at(2), NoParquet(arrived(id=[3]), datetime(2026, 2, 1, tzinfo=UTC)))
    assert state(filled) == before


def test_a_landing_object_written_by_a_stranger_is_an_error_of_the_tree(filled: Lake, run_at: RunAt) -> None:
    filled.store.put("landing/test/nyc_tlc/events/year=2019/month=01/notes.parquet", b"a stranger's")
    with pytest.raises(LakeError, match=r"notes\.parquet"):
        write(filled, events().name, JANUARY, run_at(2))


def test_a_live_object_changed_behind_our_back_stops_the_publication_and_is_kept(filled: Lake, run_at: RunAt) -> None:
    (key,) = state(filled)[0]
    filled.store.put(key, b"a stranger's")
    with pytest.raises(LiveChanged, match=r"another program.*the object is unchanged"):
        run(filled, events(), run_at(2), Given(arrived(id=[3]), datetime(2026, 2, 1, tzinfo=UTC)))
    assert filled.store.get(key)[0] == b"a stranger's"
    findings = verify(filled, events())
    assert [finding.kind for finding in findings] == ["changed object"]
    repair(filled, events(), findings)
    assert verify(filled, events(), deep=True) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"table": "x"}', b"\xff\xfe"])
def test_a_ledger_entry_that_does_not_parse_stops_publication_and_reading(
    filled: Lake, run_at: RunAt, body: bytes
) -> None:
    (key,) = [item.key for item in filled.store.scan("_ledger/bronze/test/events/year=")]
    good, _ = filled.store.get(key)
    objects = {item.key: item.etag for item in filled.store.scan("bronze/")}
    filled.store.put(key, body)
    with pytest.raises(LedgerCorrupt, match=r"00000001\.json.*is not a ledger entry.*Nothing was changed"):
        run(filled, events(), run_at(2), Given(arrived(id=[3]), datetime(2026, 2, 1, tzinfo=UTC)))
    with pytest.raises(LedgerCorrupt):
        filled.ledger.live_partitions(events().table)
    assert {item.key: item.etag for item in filled.store.scan("bronze/")} == objects
    filled.store.put(key, good)
    assert run(filled, events(), run_at(3), Given(arrived(id=[3]), datetime(2026, 2, 1, tzinfo=UTC))).outcome


def test_a_file_of_another_name_among_the_ledgers_numbers_stops_no_run_and_is_named(
    filled: Lake, run_at: RunAt
) -> None:
    filled.store.put("_ledger/bronze/test/events/year=2019/month=01/day=05/0-notes.txt", b"")
    assert run(filled, events(), run_at(2), Given(arrived(id=[3]), datetime(2026, 2, 1, tzinfo=UTC))).outcome
    (finding,) = verify(filled, events())
    assert "0-notes.txt" in finding.detail


# Clocks


def test_a_run_that_believes_it_began_earlier_is_refused_not_obeyed(filled: Lake, run_at: RunAt) -> None:
    before = state(filled)
    late = Run(id="after the clock stepped back", started_at=run_at(1).started_at - timedelta(days=1), attempt=1)
    with pytest.raises(FencedError, match=r"newer run .*Nothing was published.*start a new run"):
        run(filled, events(), late, Given(arrived(id=[3]), datetime(2026, 2, 1, tzinfo=UTC)))
    assert state(filled) == before


def test_a_writers_clock_decides_nothing_about_what_is_live(filled: Lake, run_at: RunAt) -> None:
    """The order of publications is the ledger's numbers; its times are for people."""
    contract = events()
    land(filled, contract, JANUARY, run_at(2), Given(arrived(id=[3]), datetime(2026, 2, 1, tzinfo=UTC)))
    manifest = audit(filled, write(filled, contract.name, JANUARY, run_at(2)).key)
    from lakeworks.pipeline.publish_step import entry_for
    from lakeworks.pipeline.registration import Registrar

    backwards = Publisher(filled.ledger, Registrar(filled, contract), clock=lambda: datetime(1999, 1, 1, tzinfo=UTC))
    (entry,) = backwards.publish([entry_for(contract, manifest, item) for item in manifest.partitions])
    assert (entry.seq, entry.state) == (2, "published")
    assert entry.reserved_at.year == 1999
    assert verify(filled, contract, deep=True) == []


def test_a_file_fetched_later_counts_as_newer_though_the_clock_stepped_back(filled: Lake, run_at: RunAt) -> None:
    earlier = datetime(2025, 12, 31, tzinfo=UTC)  # the first file was fetched on 2026-01-01 by a clock that ran ahead
    run(filled, events(), run_at(2), Given(arrived(id=[8, 9]), earlier))
    live = filled.ledger.live_partitions(events().table).values()
    assert [entry.live_seq for entry in live] == [2], "the corrected file is what is published"
