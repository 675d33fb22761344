"""`lakeworks contract diff` against an older file: classes, the version asked for, and what Athena or Spark 3 may not read."""

import json
from collections.abc import Callable
from pathlib import Path

import yaml

from lakeworks.contract import load_contract
from tests.lakeworks.cli.test_cli import Done, command

__all__ = ["command"]
TRIPS = "silver.transport.trips"


def older(folder: Path, table: str, **types: str) -> str:
    """The table's contract with other types, under a lower number, as a file."""
    document = yaml.safe_load((load_contract(table).folder / "contract.yml").read_text())
    for column, kind in types.items():
        document["columns"][column]["type"] = kind
    path = folder / "older.yml"
    path.write_text(yaml.safe_dump({**document, "version": "0.9.0"}))
    return str(path)


def test_widened_columns_that_athena_may_not_read_are_reported_with_the_command(
    command: Callable[..., Done], tmp_path: Path
) -> None:
    against = older(tmp_path, TRIPS, tip_amount_usd="decimal(10,2)", passenger_count="smallint")
    done = command("contract", "diff", TRIPS, "--against", against, "--json")
    found = {row["where"]: row["effect"] for row in json.loads(done.stdout)}
    assert (done.returncode, found) == (0, {"tip_amount_usd": "compatible", "passenger_count": "compatible"})
    told = " ".join(done.stderr.split())
    assert "Athena: `tip_amount_usd`. Its documentation does not promise" in told
    assert "Spark 3" not in told, "both are stored as before: in 64 bits, and in 32"
    assert "rewrite them: lakeworks backfill start <dag> --from <first> --to <last> --again" in told


def test_widened_columns_that_spark_3_refuses_are_reported(command: Callable[..., Done], tmp_path: Path) -> None:
    against = older(tmp_path, TRIPS, tip_amount_usd="decimal(9,2)", passenger_count="smallint")
    told = " ".join(command("contract", "diff", TRIPS, "--against", against, "--json").stderr.split())
    assert "Spark 3: `tip_amount_usd`. It refuses older files" in told


def test_a_change_that_every_reader_understands_is_not_reported(command: Callable[..., Done], tmp_path: Path) -> None:
    done = command("contract", "diff", TRIPS, "--against", older(tmp_path, TRIPS, passenger_count="smallint"), "--json")
    assert [row["where"] for row in json.loads(done.stdout)] == ["passenger_count"]
    assert done.stderr == ""
