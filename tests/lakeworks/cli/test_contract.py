"""`lakeworks contract diff`: against what the lake was published by, and against a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakeworks.contract import Contract, load_contract
from lakeworks.lake import Lake
from lakeworks.pipeline.contract_history import record
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.cli.test_publications import cells

__all__ = ["command"]
TRIPS = "bronze.transport.yellow_trips"
ADDED = {"effect": "compatible", "where": "cbd_congestion_fee", "what": "new column, optional"}


@pytest.fixture
def environment(lake: Lake, moto_url: str) -> dict[str, str]:
    """A lake that nothing was published in."""
    return settings_for(lake, moto_url)


def older(version: str, **changes: Any) -> dict[str, Any]:
    """The trips' contract as it was before New York charged for the relief of congestion."""
    content = yaml.safe_load((load_contract(TRIPS).folder / "contract.yml").read_text())
    del content["columns"]["cbd_congestion_fee"]
    return {**content, "version": version, **changes}


def test_what_changed_since_the_published_contract(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake
) -> None:
    never = command("contract", "diff", TRIPS, **environment)
    assert (never.returncode, "was never published in this lake" in never.stderr) == (1, True)
    record(lake, Contract.model_validate({**older("0.9.0"), "name": TRIPS}))
    done = command("contract", "diff", TRIPS, "--json", **environment)
    assert (done.returncode, json.loads(done.stdout)) == (0, [ADDED])
    printed = command("contract", "diff", TRIPS, **environment)
    assert f"{TRIPS}: 0.9.0 to 1.0.0" in printed.stdout
    assert cells(printed.stdout) == [list(ADDED.values())]
    record(lake, load_contract(TRIPS))
    same = command("contract", "diff", TRIPS, **environment)
    assert (same.returncode, "nothing found" in same.stdout) == (0, True)


def test_a_version_number_that_hides_a_change_is_exit_code_1(command: Callable[..., Done], tmp_path: Path) -> None:
    file = tmp_path / "contract.yml"
    file.write_text(yaml.safe_dump(older("1.0.0")))
    done = command("contract", "diff", TRIPS, "--against", str(file), "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, [ADDED])
    assert "These changes need version 1.1.0." in done.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        ("- a list", "is not a YAML mapping"),
        (": {", "is not a YAML mapping"),
        ("version: 1", "`team`"),
    ],
)
def test_a_file_that_is_no_contract_is_one_message(
    command: Callable[..., Done], tmp_path: Path, content: str | None, says: str
) -> None:
    file = tmp_path / "contract.yml"
    if content is not None:
        file.write_text(content)
    done = command("contract", "diff", TRIPS, "--against", str(file))
    assert (done.returncode, says in done.stderr) == (1, True)
