"""The Open Data Contract Standard's reference tool, datacontract-cli, reads the contracts and judges the published files.

Run by `make conformance`, which installs the tool into an environment of its own; skipped where it is not installed.
"""

import json
import re
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
import yaml
from typer.testing import CliRunner

from lakeworks.authoring.example_runner import given_table
from lakeworks.cli import app
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.quality.gx_validation import Chunk
from lakeworks.quality.gx_validation import audit as audit_rows
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.vendors.nyc_tlc import NycTlc
from lakeworks.transform.examples import load_examples
from tests.lakeworks.catalog.test_readers import publish as publish_rows
from tests.support.memory_s3 import memory_lake

PYTHON = Path(__file__).parents[2] / ".local/conformance-datacontract/bin/python"
pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="make conformance installs datacontract-cli"),
    pytest.mark.timeout(900),
]
JANUARY = Period.parse("2019-01")
TAXI = [name for name in all_tables() if ".transport." in name]
TRIPS = "silver.transport.trips"
# A file has types of its own, and the tool casts them before it looks; it says so of each column.
NOT_JUDGED = {"field_type"}
# The tool's checks, each with the audit's that says the same.
SAME = {
    "field_required": "expect_column_values_to_not_be_null",
    "field_maximum": "expect_column_values_to_be_between",
    "field_enum": "expect_column_values_to_be_in_set",
    "primary_key_unique": "expect_compound_columns_to_be_unique",
}
# Every check of the tool that can fail, in the audit's words.
JUDGED = {
    **SAME,
    "field_minimum": "expect_column_values_to_be_between",
    "field_unique": "expect_column_values_to_be_unique",
    "field_pattern": "expect_column_values_to_match_regex",
    "model_duplicate_values": "expect_column_values_to_be_unique",
    "row_count": "expect_table_row_count_to_be_between",
}
COLUMN = re.compile(r"for columns (\w+)$")
# An example has a row or two: too few for a calendar of forty years. Both say so.
TOO_FEW = {"expect_table_row_count_to_be_between"}
# What required columns hold that an example leaves out.
FILLED: dict[str, Any] = {"timestamp": datetime(2026, 1, 1), "string": "text"}


def judged(word: str, folder: Path, names: list[str]) -> dict[str, Any]:
    files = [str(folder / f"{name}.odcs.yaml") for name in names]
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("datacontract_judge.py"), word, *files],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {name: found[f"{name}.odcs.yaml"] for name in names}


def documents(folder: Path, data: str) -> None:
    done = CliRunner().invoke(app, ["docs", "--odcs", "--data", data, str(folder)])
    assert done.exit_code == 0, done.output


def test_every_document_is_valid_and_becomes_dbt_sources_sql_expectations_and_a_page(tmp_path: Path) -> None:
    documents(tmp_path, "s3://lake")
    found = judged("lint", tmp_path, all_tables())
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.fixture
def published(lake: Lake, replay_url: str, run_at: Callable[..., Run], tmp_path: Path) -> Path:
    """A folder with the published files of the taxi tables, laid out as in the bucket, and their documents."""
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    source, run = NycTlc(HttpSource(replay_url, sleep=lambda _: None)), run_at(1)
    for table in TAXI:
        if load_contract(table).source:
            land(lake, load_contract(table), JANUARY, run, source)
        publish(lake, audit(lake, write(lake, table, JANUARY, run).key).key)
        for entry in lake.ledger.live_partitions(load_contract(table).table).values():
            for item in entry.objects:
                (tmp_path / "data" / item.key).parent.mkdir(parents=True, exist_ok=True)
                lake.store.download(item.key, tmp_path / "data" / item.key)
    documents(tmp_path, str(tmp_path / "data"))
    return tmp_path


def spoiled(rows: pa.Table) -> pa.Table:
    """Rows that break one promise of each kind: a null, a limit, a set, the key, a rule."""
    values = rows.slice(0, 4).to_pylist()
    values[0]["total_amount_usd"] = None
    values[1]["payment_type_id"] = 77
    values[2]["vendor_id"] = 3
    values[3]["fare_amount_usd"] = -1 * abs(values[3]["fare_amount_usd"])
    return pa.concat_tables([rows, rows.slice(0, 1), pa.Table.from_pylist(values, schema=rows.schema)])


def test_its_verdict_on_the_published_files_is_the_audits(published: Path) -> None:
    for name, found in judged("test", published, TAXI).items():
        unsure = {item for item in found.get("warning", []) if item.partition(":")[0] not in NOT_JUDGED}
        assert (found.get("failed", []), found.get("error", []), unsure) == ([], [], set()), name
        assert len(found["passed"]) > 5, name

    contract, path = load_contract(TRIPS), sorted((published / "data/silver").rglob("*.parquet"))[0]
    rows = spoiled(pq.ParquetFile(path).read())
    pq.write_table(rows, path)
    ours = {
        (item.expectation, item.columns[0] if len(item.columns) == 1 else "")
        for item in audit_rows(contract, [Chunk(rows)]).failures
    }
    failed = [item.partition(":") for item in judged("test", published, [TRIPS])[TRIPS]["failed"]]
    assert {
        (SAME[kind], place if kind.startswith("field_") else "") for kind, _, place in failed if kind in SAME
    } == ours
    assert len(ours) == len(SAME)
    # the audit does not look at row rules again: the engine quarantined what broke them
    (rule,) = [rule for rule in contract.rows if rule.name == "positive_fare"]
    assert [place for kind, _, place in failed if kind not in SAME] == [rule.reason]


def example_rows(contract: Contract) -> tuple[str, list[dict[str, Any]]]:
    """An example's period and the rows that it expects, with something in every required column."""
    example = next(example for example in load_examples([contract.name]) if example.expected)
    rows: list[dict[str, Any]] = given_table(contract, example.expected).to_pylist()
    missing = [name for name, column in contract.columns.items() if column.required]
    filled = [{name: FILLED[contract.columns[name].type.kind] for name in missing if row[name] is None} for row in rows]
    return example.period, [{**row, **more} for row, more in zip(rows, filled, strict=True)]


def breaking(contract: Contract, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The row twice, and once more for a promise of each kind that the contract makes of columns in the file: broken."""
    columns = {name: column for name, column in contract.file_columns.items() if row[name] is not None}
    broken = [row]
    if name := next((name for name, column in columns.items() if column.required and name not in contract.grain), None):
        broken.append({**row, name: None})
    numbers = {name: column for name, column in columns.items() if column.minimum is not None}
    if name := next(
        (name for name, column in numbers.items() if column.type.kind in ("int", "bigint", "decimal", "double")), None
    ):
        least = columns[name].minimum
        broken.append({**row, name: type(row[name])(least) - 1})
    if name := next(
        (name for name, column in columns.items() if column.allowed and column.type.kind == "string"), None
    ):
        broken.append({**row, name: "nothing of the list"})
    return [{name: item[name] for name in contract.file_columns} for item in broken]


def audits(contract: Contract, path: Path) -> tuple[set[tuple[str, str]], bool]:
    """What the audit says of one file: the checks that fail, each with its column if it has one; whether it warns."""
    report = audit_rows(contract, [Chunk(pq.ParquetFile(path).read())])
    failed = {
        (item.expectation, item.columns[0] if len(item.columns) == 1 else "")
        for item in report.failures
        if item.severity == "error"
    }
    return failed, any(item.severity == "warn" for item in report.failures)


def tools(contract: Contract, found: dict[str, list[str]]) -> tuple[set[tuple[str, str]], bool]:
    """What the tool says of it, in the audit's words; row rules are left out, which the engine judges before the audit."""
    assert not found.get("error"), (contract.name, found)
    failed = set()
    for kind, _, text in (item.partition(":") for item in found.get("failed", [])):
        if kind == "model_quality_sql":
            assert text in {rule.reason for rule in contract.rows}, (contract.name, text)
        else:
            named = COLUMN.search(text)
            column = text if kind.startswith("field_") else named[1] if named else ""
            failed.add((JUDGED[kind], column))
    return failed, any(item.partition(":")[0] not in NOT_JUDGED for item in found.get("warning", []))


@pytest.mark.timeout(1800)
def test_on_a_good_and_a_broken_file_of_every_table_its_verdict_is_the_audits(
    tmp_path: Path, run_at: Callable[..., Run]
) -> None:
    contracts = {name: load_contract(name) for name in all_tables()}
    assert {contract.table.domain for contract in contracts.values()} >= {"transport", "market", "commerce", "reports"}
    lake, files = memory_lake(tmp_path), dict[str, Path]()
    for name, contract in contracts.items():
        period, rows = example_rows(contract)
        publish_rows(lake, contract, rows, run_at(1), period)
        for entry in lake.ledger.live_partitions(contract.table).values():
            for item in entry.objects:
                path = tmp_path / "data" / item.key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(lake.store.get(item.key)[0])
                files[name] = path
    # of a table with several partitions one file is left: the tool reads all there are
    for path in set((tmp_path / "data").rglob("*.parquet")) - {*files.values()}:
        path.unlink()
    documents(tmp_path, str(tmp_path / "data"))
    for name in (name for name, contract in contracts.items() if contract.storage.layout == "versioned"):
        document = tmp_path / f"{name}.odcs.yaml"  # who reads such a table by paths says which publication
        place = {"server": "lake", "type": "local", "path": str(files[name]), "format": "parquet"}
        document.write_text(document.read_text() + yaml.safe_dump({"servers": [place]}))
    good = judged("test", tmp_path, [*contracts])
    for name, path in files.items():
        assert tools(contracts[name], good[name]) == audits(contracts[name], path), name
        assert {expectation for expectation, _ in audits(contracts[name], path)[0]} <= TOO_FEW, name
        assert len(good[name]["passed"]) > 5, name
        table = pq.ParquetFile(path).read()
        broken = breaking(contracts[name], table.slice(0, 1).to_pylist()[0])
        pq.write_table(pa.Table.from_pylist(broken, table.schema), path)
    bad = judged("test", tmp_path, [*contracts])
    for name, path in files.items():
        ours = audits(contracts[name], path)
        assert tools(contracts[name], bad[name]) == ours, name
        assert {expectation for expectation, _ in ours[0]} - TOO_FEW, f"{name}: something is broken"
