"""Advice on Parquet settings: on data whose best settings are known, it finds them, and the lake then writes what it promised."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import yaml

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.cost.file_advice import FileAdvice
from lakeworks.cost.file_search import advise_files
from lakeworks.cost.file_trial import MOST_PARTITIONS, take_sample
from lakeworks.cost.report import ReportRequest, billing_period
from lakeworks.engines.ingest_sort import sorted_for_publishing
from lakeworks.errors import LakeNotFound, LiveChanged
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import Run
from lakeworks.prices import load_price_book
from tests.conftest import contract_of
from tests.protocol.test_versioned import Publishing

RunAt = Callable[..., Run]
ROWS = 8_000
CHANCE = np.random.default_rng(7)
ASK = ReportRequest(load_price_book(), "us-east-1", billing_period(None, datetime(2026, 11, 30, tzinfo=UTC)))


def contract(storage: dict[str, Any] | None = None, **kinds: str) -> Contract:
    columns = {name: {"type": kind, "description": name} for name, kind in kinds.items()}
    columns["id"] = {"type": "bigint", "required": True, "description": "key"}
    return contract_of("silver.test.readings", columns=columns, partition_by=["month"], storage=storage or {})


def publish(lake: Lake, wanted: Contract, rows: pa.Table, run: Run, month: str = "2019-01") -> LedgerEntry:
    with sorted_for_publishing(lake.engine, wanted, rows.to_reader()) as ordered:
        there = Publishing(replace(lake, contract=lambda _: wanted), wanted, Period.parse(month))
        return there.publish(ordered.read_all(), run)


def stations() -> pa.Table:
    """Rows by time, of 40 stations in turn by chance; three columns are known from the station."""
    station = CHANCE.integers(0, 40, ROWS)
    return pa.table(
        {
            "station": [f"station-{number:02d}" for number in station],
            "place": [f"district {number * 7919 % 40} of the city" for number in station],
            "height": (station * 3.7 + 11.3).astype("float64"),
            "id": np.arange(ROWS),
        }
    )


STATIONS = {"station": "string", "place": "string", "height": "double"}


def with_lines(wanted: Contract, advice: FileAdvice) -> Contract:
    """Return the contract with the proposed lines, read as a contract file is."""
    fields = wanted.model_dump(mode="json")
    proposed = yaml.safe_load(advice.contract_lines)
    return Contract.model_validate({**fields, "storage": {**fields["storage"], **proposed["storage"]}})


def test_rows_that_repeat_by_station_are_sorted_by_it_and_published_as_small_as_promised(
    lake: Lake, run_at: RunAt
) -> None:
    wanted = contract(**STATIONS)
    rows = stations()
    before = publish(lake, wanted, rows, run_at(1))
    advice = advise_files(lake, wanted, ASK, worth_usd=0)
    assert "station" in advice.settings["sort_by"] or "place" in advice.settings["sort_by"]
    assert advice.is_worth_it
    assert advice.saved_share > 0.3
    after = publish(lake, with_lines(wanted, advice), rows, run_at(2))
    assert after.state == "published"
    assert after.size / before.size == pytest.approx(1 - advice.saved_share, abs=0.01)
    assert advice.effect.bytes_after / advice.effect.bytes == pytest.approx(1 - advice.saved_share, abs=0.001)
    assert advice.effect.saving_usd == pytest.approx(before.size * advice.saved_share / 2**30 * 0.023, rel=0.01)


@pytest.mark.parametrize(
    ("kind", "values", "encoding"),
    [
        ("bigint", np.cumsum(CHANCE.integers(900, 1_100, ROWS)), "delta"),
        ("double", 100 + np.cumsum(CHANCE.normal(0, 0.01, ROWS)), "byte_stream_split"),
        ("string", [f"https://lake.example/{number // 50:05d}/page/{number:09d}" for number in range(ROWS)], "delta"),
    ],
)
def test_a_column_gets_the_encoding_that_fits_it(
    lake: Lake, run_at: RunAt, tmp_path: Path, kind: str, values: Any, encoding: str
) -> None:
    wanted = contract(value=kind)
    rows = pa.table({"value": values, "id": np.arange(ROWS)})
    before = publish(lake, wanted, rows, run_at(1))
    advice = advise_files(lake, wanted, ASK, worth_usd=0)
    assert advice.settings["column_encoding"]["value"] == encoding
    better = with_lines(wanted, advice)
    after = publish(lake, better, rows, run_at(2))
    assert after.size / before.size == pytest.approx(1 - advice.saved_share, abs=0.01)
    (read,) = [lake.store.get(item.key)[0] for item in lake.store.scan("silver/test/readings/")]
    (file := tmp_path / "written.parquet").write_bytes(read)
    counted = duckdb.sql(f"SELECT count(DISTINCT value) FROM read_parquet('{file}')").fetchall()
    assert counted == [(len(set(np.asarray(values).tolist())),)]


def test_snappy_text_is_proposed_as_zstd(lake: Lake, run_at: RunAt) -> None:
    words = ["delivered", "returned by the customer", "in the warehouse", "lost on the way", "waiting for a courier"]
    text = [" / ".join(CHANCE.choice(words, 6)) + f" {number}" for number in range(4_000)]
    wanted = contract({"compression": "snappy"}, note="string")
    publish(lake, wanted, pa.table({"note": text, "id": np.arange(4_000)}), run_at(1))
    advice = advise_files(lake, wanted, ASK, worth_usd=0)
    assert advice.settings["compression"] == "zstd"
    assert with_lines(wanted, advice).storage.compression == "zstd"


def test_noise_gets_no_proposal(lake: Lake, run_at: RunAt) -> None:
    wanted = contract({"compression_level": 9, "column_encoding": {"id": "delta", "noise": "plain"}}, noise="binary")
    noise = [CHANCE.bytes(16) for _ in range(4_000)]
    publish(lake, wanted, pa.table({"noise": noise, "id": np.arange(4_000)}), run_at(1))
    advice = advise_files(lake, wanted, ASK, worth_usd=0)
    assert (dict(advice.settings), advice.is_worth_it, advice.contract_lines) == ({}, False, "")
    assert advice.sentence.startswith(
        "No proposal: no setting that was tried makes the files of silver.test.readings 1% smaller. "
    )
    assert not any(trial.chosen for trial in advice.trials)


def test_a_saving_of_cents_is_measured_and_not_proposed(lake: Lake, run_at: RunAt) -> None:
    wanted = contract(**STATIONS)
    publish(lake, wanted, stations(), run_at(1))
    advice = advise_files(lake, wanted, ASK)
    assert advice.settings
    assert (advice.is_worth_it, advice.contract_lines) == (False, "")
    assert "A proposal needs 5% and $1.00 a month." in advice.sentence


def test_the_sample_is_of_the_newest_partitions_and_bounded(
    lake: Lake, run_at: RunAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, rows = contract(**STATIONS), stations()
    for number in range(1, 11):
        publish(lake, wanted, rows.slice(0, 10 * number), run_at(number), f"2019-{number:02d}")
    assert [table.num_rows for table in take_sample(lake, wanted).tables] == [100, 90, 80, 70, 60, 50, 40, 30]
    assert MOST_PARTITIONS == 8
    monkeypatch.setattr("lakeworks.cost.file_trial.MOST_ROWS", 120)
    assert [table.num_rows for table in take_sample(lake, wanted).tables] == [60, 60]
    monkeypatch.setattr("lakeworks.cost.file_trial.MOST_BYTES", 1)
    assert take_sample(lake, wanted).rows == 60, "one batch is the least"


def test_a_table_without_rows_and_an_object_that_is_no_parquet_file_are_errors(lake: Lake, run_at: RunAt) -> None:
    wanted = contract(**STATIONS)
    with pytest.raises(LakeNotFound, match="no published rows to take a sample of"):
        advise_files(lake, wanted, ASK)
    entry = publish(lake, wanted, stations(), run_at(1))
    stored = lake.store.put(entry.objects[0].key, bytes(entry.objects[0].size))
    torn = entry.objects[0].model_copy(update={"version_id": stored.version_id})
    body = entry.model_copy(update={"objects": (torn,)}).model_dump_json()
    lake.store.put(entry.key, body.encode())
    with pytest.raises(LiveChanged, match="is no Parquet file"):
        advise_files(lake, wanted, ASK)
