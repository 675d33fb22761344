"""`lakeworks load` as a person and a program use it."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeworks.lake import Lake
from tests.lakeworks.cli.test_cli import Done, command, settings_for

__all__ = ["command"]
EVENTS, DAY = "bronze.commerce.events", "2017-01-05"
HEADER = "event_id,event_type,occurred_at,order_id,customer_id,location_id,channel,amount,currency\n"
GOOD = HEADER + "e1,order_placed,2017-01-05T10:00:00Z,1,2,3,pos,12.50,EUR\n"
BAD = HEADER + "e1,order_placed,2017-01-05T10:00:00Z,x,2,3,pos,12.50,EUR\n"


@pytest.fixture
def environment(lake: Lake, moto_url: str) -> dict[str, str]:
    return settings_for(lake, moto_url)


def test_check_needs_no_lake_and_names_file_line_column_and_rule(command: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "bad.csv").write_text(BAD)
    (tmp_path / ".hidden.csv").write_text(BAD)
    done = command("load", EVENTS, DAY, str(tmp_path), "--check", "--json")
    answer = json.loads(done.stdout)
    (finding,) = answer["findings"]
    assert (done.returncode, [(item["file"], item["refused"]) for item in answer["files"]]) == (
        1, [("bad.csv", 1), ("good.csv", 0)],
    )  # fmt: skip
    assert {name: finding[name] for name in ("file", "place", "column", "rule")} == {
        "file": "bad.csv", "place": "line 2", "column": "order_id", "rule": "unfit_value",
    }  # fmt: skip
    assert [Path(item["file"]).name for item in answer["left_out"]] == [".hidden.csv"]
    shown = command("load", EVENTS, DAY, str(tmp_path), "--check")
    assert "2 files, 2 rows: 1 refused, 1 can be loaded." in shown.stdout
    assert ".hidden.csv is hidden" in shown.stderr
    assert command("load", EVENTS, DAY, str(tmp_path / "good.csv"), "--check").returncode == 0


def test_a_file_and_standard_input_are_published_and_the_same_again_is_the_same(
    command: Callable[..., Done], environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.replace("e1", "e2").encode())))
    done = command("load", EVENTS, DAY, str(tmp_path / "good.csv"), "-", "--format", "csv", "--json", **environment)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["counts"], answer["partitions"]) == (0, {"loaded": 2}, {"published": 1})
    assert [item["file"] for item in answer["files"]] == ["good.csv", "stdin.csv"]
    query = "SELECT event_id FROM bronze_commerce.events ORDER BY 1"
    assert json.loads(command("sql", query, "--json", **environment).stdout) == [{"event_id": "e1"}, {"event_id": "e2"}]
    again = command("load", EVENTS, DAY, str(tmp_path / "good.csv"), **environment)
    assert "1 same. Partitions: 1 unchanged; the period has 2 rows" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["bad.csv"], 1, "1 of 1 files do not keep the contract"),
        (["nowhere.csv"], 1, "There is no file or folder"),
        (["-"], 1, "Give --format"),
        (["good.csv", "--format", "csv"], 1, "--format and --name are for standard input"),
        (["-", "--format", "docx"], 1, "There is no format `docx`"),
        (["-", "--name", "../evil.csv"], 1, "is not a valid file name in the lake"),
        (["empty"], 1, "the folder is empty"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_loaded(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake, tmp_path: Path, arguments: list[str], code: int, says: str,
) -> None:  # fmt: skip
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "bad.csv").write_text(BAD)
    (tmp_path / "empty").mkdir()
    paths = [
        item if item.startswith("-") or item in {"csv", "docx", "../evil.csv"} else str(tmp_path / item)
        for item in arguments
    ]
    done = command("load", EVENTS, DAY, *paths, **environment)
    assert (done.returncode, says in done.stderr, "Nothing was loaded" in done.stderr) == (code, True, True), (
        done.stderr
    )
    assert [*lake.store.scan("landing/")] == []


def test_a_bucket_that_is_not_there_is_one_message(
    command: Callable[..., Done], tmp_path: Path, ministack_url: str, lake: Lake
) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    wrong = settings_for(lake, ministack_url) | {"LAKE_BUCKET": "no-such-bucket-anywhere"}
    done = command("load", EVENTS, DAY, str(tmp_path / "good.csv"), **wrong)
    assert done.returncode == 1
    assert "LakeNotFound (must be corrected)" in done.stderr
    assert "lakeworks bootstrap" in done.stderr


def test_a_refused_file_is_in_the_answer_of_a_program_too(command: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "bad.csv").write_text(BAD)
    done = command("load", EVENTS, DAY, str(tmp_path), "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["counts"]) == (1, {"failed": 1, "ready": 1})
    assert answer["files"][0]["why"].startswith("line 2 `order_id` does not fit int64")


def test_a_drop_names_the_dag_and_the_key_and_a_dry_run_sends_nothing(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake, tmp_path: Path
) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    dry = json.loads(command("load", EVENTS, DAY, str(tmp_path), "--dry-run", "--json", **environment).stdout)
    assert (dry["counts"], [*lake.store.scan("inbox/")], [*lake.store.scan("landing/")]) == ({"ready": 1}, [], [])
    done = command("load", EVENTS, DAY, str(tmp_path), "--drop", **environment)
    assert done.returncode == 0
    assert (
        f"1 loaded. In s3://{lake.store.bucket}/inbox/commerce_events/{DAY}/; nothing was published yet." in done.stdout
    )
    assert f"Trigger the DAG `commerce_events` with the partition key {DAY}" in done.stdout
    assert [item.key for item in lake.store.scan("inbox/")] == [f"inbox/commerce_events/{DAY}/good.csv"]
    assert [*lake.store.scan("landing/")] == []
