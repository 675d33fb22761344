"""Exports of published tables by the command: what is in the file, what is not, and what becomes of it when something fails."""

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound, LostRace
from lakeworks.exports.encoding import Encoding
from lakeworks.exports.selection import ExportSelection, chosen_publications
from lakeworks.exports.table_export import Destination, export_table
from lakeworks.exports.targets import opened_target
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.releases.past_reader import PastChoice
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.publications.test_publications import published

__all__ = ["command"]
CUSTOMERS = "bronze.commerce.customers"
DAYS = ("2019-01-05", "2019-01-06", "2019-02-01")
RunAt = Callable[..., Run]


def customer(number: int, day: str, state: str = "enabled") -> dict[str, Any]:
    return {
        "id": number, "email": f"c{number}@example.com", "state": state, "_ingested_at": datetime.fromisoformat(day),
        "_source_url": "http://x/", "_run_id": "r",
    }  # fmt: skip


@pytest.fixture
def lake_of_days(lake: Lake, run_at: RunAt) -> Lake:
    for number, day in enumerate(DAYS, 1):
        published(lake, load_contract(CUSTOMERS), [customer(number, day)], run_at(number), Period.parse(day))
    return lake


@pytest.fixture
def environment(lake_of_days: Lake, moto_url: str) -> dict[str, str]:
    return settings_for(lake_of_days, moto_url)


def test_the_summary_says_exactly_what_the_file_holds(
    command: Callable[..., Done], environment: dict[str, str], lake_of_days: Lake, tmp_path: Path
) -> None:
    out = tmp_path / "customers.csv"
    done = command(
        "export", CUSTOMERS, "--from", "2019-01", "--to", "2019-01", "--out", str(out), "--json", **environment
    )
    found = json.loads(done.stdout)
    body = out.read_bytes()
    assert (found["rows"], found["bytes"], found["sha256"]) == (2, len(body), hashlib.sha256(body).hexdigest())
    live = lake_of_days.ledger.live_partitions(load_contract(CUSTOMERS).table).values()
    versions = {item.version_id for entry in live if "month=01" in entry.partition for item in entry.objects}
    assert {item["version_id"] for part in found["versions"] for item in part["objects"]} == versions
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    assert [row["id"] for row in rows] == ["1", "2"], "in the order of their partitions"
    assert "email" not in rows[0]
    assert "email" in found["withheld"]
    assert "example.com" not in done.stderr
    assert sorted(tmp_path.glob(".*.part")) == []


def test_personal_data_leaves_where_it_is_asked_for(
    command: Callable[..., Done], environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "customers.parquet"
    done = command("export", CUSTOMERS, "2019-01-05", "--out", str(out), "--include-personal", **environment)
    assert done.returncode == 0, done.stderr
    assert pq.read_table(out).to_pylist()[0]["email"] == "c1@example.com"


def test_a_republication_while_rows_are_written_mixes_nothing(
    lake_of_days: Lake, run_at: RunAt, tmp_path: Path
) -> None:
    contract = load_contract(CUSTOMERS)
    entries = chosen_publications(lake_of_days, contract, ExportSelection())
    for number, day in enumerate(DAYS, 1):
        published(lake_of_days, contract, [customer(number, day, "disabled")], run_at(9 + number), Period.parse(day))
    export_table(lake_of_days, contract, entries, Destination(str(tmp_path / "old.jsonl"), Encoding("jsonl")))
    rows = [json.loads(line) for line in (tmp_path / "old.jsonl").read_text().splitlines()]
    assert [(row["id"], row["state"]) for row in rows] == [(1, "enabled"), (2, "enabled"), (3, "enabled")]


def test_what_was_live_at_a_moment(lake_of_days: Lake, run_at: RunAt, tmp_path: Path) -> None:
    contract = load_contract(CUSTOMERS)
    before = max(
        entry.published_at
        for entry in chosen_publications(lake_of_days, contract, ExportSelection())
        if entry.published_at
    )
    published(lake_of_days, contract, [customer(1, DAYS[0], "disabled")], run_at(9), Period.parse(DAYS[0]))

    def states(wanted: ExportSelection) -> list[str]:
        out = tmp_path / "states.jsonl"
        entries = chosen_publications(lake_of_days, contract, wanted)
        export_table(lake_of_days, contract, entries, Destination(str(out), Encoding("jsonl"), overwrite=True))
        return [json.loads(line)["state"] for line in out.read_text().splitlines()]

    assert states(ExportSelection(DAYS[0])) == ["disabled"]
    assert states(ExportSelection(DAYS[0], past=PastChoice(before))) == ["enabled"]
    assert states(ExportSelection(past=PastChoice(before))) == ["enabled"] * 3
    with pytest.raises(LakeNotFound, match="nothing published at"):
        chosen_publications(lake_of_days, contract, ExportSelection(past=PastChoice(before - timedelta(days=400))))


def test_an_existing_file_is_replaced_only_if_asked(
    command: Callable[..., Done], environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "mine.csv"
    out.write_text("mine")
    refused = command("export", CUSTOMERS, "--out", str(out), **environment)
    assert (refused.returncode, out.read_text()) == (1, "mine")
    assert "exists. Nothing was written. Name another, or add --overwrite" in refused.stderr.replace("\n", " ")
    assert command("export", CUSTOMERS, "--out", str(out), "--overwrite", **environment).returncode == 0
    assert out.read_text().startswith('"id"')


def raced(lake: Lake, target: str, meanwhile: Callable[[], object]) -> None:
    """Write a target while something else makes it."""
    with opened_target(lake, target) as stream:
        stream.write(b"ours")
        meanwhile()


def test_a_file_made_meanwhile_is_kept(lake_of_days: Lake, tmp_path: Path) -> None:
    out = tmp_path / "raced.csv"
    with pytest.raises(LostRace, match="was written by another program"):
        raced(lake_of_days, str(out), lambda: out.write_text("theirs"))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["raced.csv"]
    assert out.read_text() == "theirs"


def test_an_object_is_written_whole_and_never_over_another(
    command: Callable[..., Done], environment: dict[str, str], lake_of_days: Lake
) -> None:
    store = lake_of_days.store
    address = f"s3://{store.bucket}/exports/customers.jsonl.gz"
    assert command("export", CUSTOMERS, "--out", address, **environment).returncode == 0
    first = store.head("exports/customers.jsonl.gz")
    assert first
    refused = command("export", CUSTOMERS, "--out", address, **environment)
    assert "exists. Nothing was written" in refused.stderr.replace("\n", " ")
    with pytest.raises(LostRace):
        raced(lake_of_days, f"s3://{store.bucket}/exports/raced", lambda: store.put("exports/raced", b"theirs"))
    assert store.get("exports/raced")[0] == b"theirs"
    for key in ("silver/market/x.csv", "_ledger/x.csv", "landing/x.csv", "metadata/x.csv", "inbox/x.csv"):
        lies = command("export", CUSTOMERS, "--out", f"s3://{store.bucket}/{key}", **environment)
        assert "lies among the lake's own objects" in lies.stderr.replace("\n", " ")


def test_a_query_is_streamed_into_a_file_and_an_error_in_the_middle_leaves_none(
    command: Callable[..., Done], environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "numbers.jsonl"
    query = "SELECT i, CAST(i AS DECIMAL(20,2)) AS exact, sum(i) OVER () AS total FROM range(30000) r(i) ORDER BY i"
    found = json.loads(command("sql", query, "--out", str(out), "--json", **environment).stdout)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert (found["rows"], len(rows)) == (30000, 30000)
    assert rows[-1] == {"i": 29999, "exact": "29999.00", "total": 449985000}
    failing = "SELECT CAST(CASE WHEN i = 29000 THEN 'x' ELSE '1' END AS INT) AS a FROM range(30000) r(i)"
    failed = command("sql", failing, "--out", str(tmp_path / "half.csv"), **environment)
    assert (failed.returncode, "does not fit its type" in failed.stderr.replace("\n", " ")) == (1, True)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["numbers.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("2019-01-05", "--from", "2019-01"), "Give a partition, or --from and --to"),
        (("--from", "2019-02", "--to", "2019-01"), "is later than --to"),
        (("--as-of", "yesterday"), "`yesterday` is no moment"),
        (("2018-01-01",), "has nothing published"),
        (("--format", "xlsx"), "`xlsx` is no format"),
        (("--format", "orc", "--spreadsheet-safe"), "--spreadsheet-safe is only for csv"),
    ],
)
def test_mistakes_are_one_message_and_no_file(
    command: Callable[..., Done], environment: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = command("export", CUSTOMERS, *arguments, "--out", str(tmp_path / "none.csv"), **environment)
    assert done.returncode == 1
    assert says in done.stderr.replace("\n", " ")
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_kill_9_in_the_middle_leaves_nothing_under_the_name_and_the_next_export_cleans_up(tmp_path: Path) -> None:
    out = tmp_path / "numbers.csv"
    settings = {"LAKE_BUCKET": "none", "LAKE_SCRATCH_DIR": str(tmp_path / "scratch"), "LAKE_ENV_FILE": "off"}
    command = [str(Path(sys.executable).parent / "lakeworks"), "sql", "--out", str(out)]

    def parts() -> list[Path]:
        return list(tmp_path.glob(".numbers.csv.*.part"))

    with subprocess.Popen([*command, "SELECT * FROM range(1000000000)"], env={**os.environ, **settings}) as running:
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size > 100_000 for part in parts()):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
    assert (out.exists(), len(parts())) == (False, 1)
    subprocess.run([*command, "SELECT 1 AS a"], env={**os.environ, **settings}, check=True, capture_output=True)
    assert (out.read_text(), parts()) == ('"a"\n1\n', [])
