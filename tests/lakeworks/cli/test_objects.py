"""`lakeworks objects` as a person and a program use it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeworks.lake import Lake
from tests.lakeworks.cli.test_cli import Done, command, settings_for

__all__ = ["command"]


@pytest.fixture
def environment(lake: Lake, moto_url: str) -> dict[str, str]:
    return settings_for(lake, moto_url)


def test_files_go_up_are_listed_tagged_fetched_and_deleted(
    command: Callable[..., Done], environment: dict[str, str], tmp_path: Path
) -> None:
    for name in ("a.txt", "more/b.txt", ".hidden"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(name)
    put = command("objects", "put", str(tmp_path / "in"), str(tmp_path / "in/a.txt"), "docs/", "--json", **environment)
    assert [(item["key"], item["outcome"]) for item in json.loads(put.stdout)] == [
        ("docs/a.txt", "loaded"), ("docs/more/b.txt", "loaded"),
    ]  # fmt: skip
    assert ".hidden is hidden" in put.stderr
    rows = json.loads(command("objects", "ls", "docs", "--json", **environment).stdout)
    assert [(row["key"], row["bytes"], row["class"], bool(row["version"])) for row in rows] == [
        ("docs/a.txt", 5, "STANDARD", True), ("docs/more/b.txt", 10, "STANDARD", True),
    ]  # fmt: skip
    short = command("objects", "ls", "docs", "--limit", "1", **environment)
    assert "More keys follow: lakeworks objects ls 'docs' --after 'docs/a.txt'" in short.stderr
    rest = command("objects", "ls", "docs", "--after", "docs/a.txt", "--json", **environment)
    assert [row["key"] for row in json.loads(rest.stdout)] == ["docs/more/b.txt"]
    assert command("objects", "tag", "docs/a.txt", "team=till", **environment).returncode == 0
    tags = json.loads(command("objects", "tag", "docs", "--json", **environment).stdout)
    assert tags == [{"key": "docs/a.txt", "team": "till"}, {"key": "docs/more/b.txt"}]
    assert "2 loaded; 15 bytes." in command("objects", "get", "docs", str(tmp_path / "out"), **environment).stdout
    assert (tmp_path / "out/more/b.txt").read_text() == "more/b.txt"
    assert "2 would delete" in command("objects", "rm", "docs", "--dry-run", **environment).stdout
    assert "2 deleted" in command("objects", "rm", "docs", **environment).stdout
    assert json.loads(command("objects", "ls", "docs", "--json", **environment).stdout) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rm", "silver/"], "belongs to the lake (`silver`"),
        (["rm", ""], "belongs to the lake (`the whole bucket`"),
        (["put", "FILE", "_ledger/x"], "belongs to the lake (`_ledger`"),
        (
            ["get", "nothing/here", "FOLDER"],
            "There is no object `nothing/here` and none below it. Nothing was fetched.",
        ),
        (["rm", "nothing/here"], "Nothing was deleted."),
        (["put", "FOLDER", "docs"], "There is no file to upload"),
        (["tag", "docs", "team"], "`team` is no tag"),
    ],
)
def test_a_mistake_is_one_message(
    command: Callable[..., Done], environment: dict[str, str], tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    named = {"FILE": str(tmp_path / "file"), "FOLDER": str(tmp_path / "folder")}
    done = command("objects", *(named.get(item, item) for item in arguments), **environment)
    assert (done.returncode, says in done.stderr) == (1, True), done.stderr
