"""`lakeworks bootstrap` as a person and a program use it."""

import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.lakeworks.cli.test_cli import Done, command

__all__ = ["command"]


@pytest.fixture
def environment(moto_url: str) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "AWS_ENDPOINT_URL": moto_url}
    return {"LAKE_BUCKET": f"boot-{uuid4().hex[:12]}", **keys}


def test_a_plan_reads_like_terraforms_and_changes_nothing(
    command: Callable[..., Done], environment: dict[str, str]
) -> None:
    for _ in range(2):
        done = command("bootstrap", "--plan", **environment)
        assert done.returncode == 0, done.stderr
        assert f"bucket {environment['LAKE_BUCKET']}: create" in done.stdout
        assert "+ Status = Enabled" in done.stdout
        assert "from day 365 bronze/transport/yellow_trips/ is in DEEP_ARCHIVE" in done.stdout.replace("\n", " ")


def test_an_apply_shows_each_outcome_and_a_program_gets_json(
    command: Callable[..., Done], environment: dict[str, str]
) -> None:
    assert f"versioning {environment['LAKE_BUCKET']}: created" in command("bootstrap", **environment).stdout
    rows = {row["setting"]: row for row in json.loads(command("bootstrap", "--json", **environment).stdout)}
    assert rows["versioning"]["outcome"] == "unchanged"
    assert rows["lifecycle"]["remarks"]


def test_a_wrong_bucket_name_is_one_message(command: Callable[..., Done], environment: dict[str, str]) -> None:
    done = command("bootstrap", **{**environment, "LAKE_BUCKET": "Wrong_Name"})
    assert (done.returncode, "is not a bucket name" in done.stderr) == (1, True)


def test_a_bucket_of_ours_is_listed_and_deleted(command: Callable[..., Done], environment: dict[str, str]) -> None:
    name = environment["LAKE_BUCKET"]
    command("bootstrap", **environment)
    listed = {row["name"]: row["ours"] for row in json.loads(command("bucket", "list", "--json", **environment).stdout)}
    assert listed[name] is True
    kept = command("bucket", "delete", name, **environment)
    assert (kept.returncode, "--force" in kept.stderr) == (1, True)
    assert json.loads(command("bucket", "delete", name, "--force", "--json", **environment).stdout) == [
        {"bucket": name, "versions_deleted": 1}
    ]
