"""The registry: every command has its function, its panel and its help, and no module is imported before its command runs."""

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from lakeworks import cli
from lakeworks.cli.registry import COMMANDS, GROUPS, PANELS, CommandEntry

# 0.4 s of processor time is the limit for help and `tables`; any of these alone takes a tenth of it or more.
HEAVY = (
    "airflow", "boto3", "botocore", "duckdb", "exchange_calendars", "fastavro", "great_expectations", "mcp", "numpy", "obstore",
    "openlineage", "openpyxl", "pandas", "pyarrow", "pyspark", "requests", "sqlglot",
)  # fmt: skip
BELOW = [entry for entry in COMMANDS if " " in entry.words]


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.words)
def test_a_docstring_begins_with_the_help_of_the_registry(entry: CommandEntry) -> None:
    module, _, name = entry.target.partition(":")
    function = getattr(importlib.import_module(f"lakeworks.cli.{module}"), name)
    first = function.__doc__.splitlines()[0]
    assert first == entry.help, f"the docstring of {name} must begin with its line of registry.py"
    assert entry.panel in PANELS


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.words)
def test_every_command_explains_itself(entry: CommandEntry) -> None:
    done = CliRunner().invoke(cli.app, [*entry.words.split(), "--help"])
    assert (done.exit_code, entry.help.split()[0] in done.output) == (0, True)


def test_a_command_of_several_words_has_its_group() -> None:
    words = {group.word for group in GROUPS}
    assert {entry.words.split()[0] for entry in BELOW} == words
    defaults = {f"{group.word} {group.default}" for group in GROUPS if group.default}
    assert defaults <= {entry.words for entry in BELOW}


def test_no_two_commands_share_their_words() -> None:
    assert len({entry.words for entry in COMMANDS}) == len(COMMANDS)


def test_no_module_of_the_command_line_is_named_like_its_function() -> None:
    folder = Path(cli.__file__).parent
    for path in folder.rglob("*.py"):
        names = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        assert path.stem not in names, path


@pytest.mark.parametrize("arguments", [["--help"], ["backfill", "--help"], ["cost", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert imported_by(arguments) == []


def test_listing_tables_imports_nothing_heavy() -> None:
    assert imported_by(["tables"]) == []


def test_the_shell_completes_commands_and_tables() -> None:
    words = "lakeworks show silver.transport.t"
    environment = {**os.environ, "_LAKEWORKS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "2"}
    command = [str(Path(sys.executable).parent / "lakeworks")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["silver.transport.trips"], done.stderr
    environment |= {"COMP_WORDS": "lakeworks backf", "COMP_CWORD": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["backfill"], done.stderr


def test_a_group_runs_its_default_command() -> None:
    root: Any = typer.main.get_command(cli.app)
    for arguments, resolved in (([], ["bill"]), (["--month", "2026-11"], ["bill", "--month", "2026-11"])):
        context = root.commands["cost"].make_context("cost", arguments, resilient_parsing=True)
        assert [*context._protected_args, *context.args] == resolved


def test_a_mistyped_command_names_the_likely_one() -> None:
    done = CliRunner().invoke(cli.app, ["file-size"])
    assert (done.exit_code, "file-sizes" in done.output) == (2, True)


def imported_by(arguments: list[str]) -> list[str]:
    """The heavy packages that a process has imported after a command."""
    code = (
        "import json, sys; from lakeworks import cli; sys.argv = ['lakeworks', *json.loads(sys.argv[1])]\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(arguments)], capture_output=True, text=True, check=True
    )
    modules = {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}
    return [name for name in HEAVY if name in modules]
