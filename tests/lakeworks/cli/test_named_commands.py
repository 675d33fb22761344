"""Every `lakeworks ...` that a message tells someone to type exists, and takes what the message gives it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from lakeworks import cli

ROOT = Path(__file__).parents[3]
# A command stands after a backtick, a bracket or a colon; elsewhere `lakeworks` is a word of prose.
COMMAND = re.compile(r"(?:[`(]|: )lakeworks ((?:[^\s`),.;]|\.(?!\s|$))+(?: (?:[^\s`),.;]|\.(?!\s|$))+)*)")


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """String literals with X for what is filled in."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            filled = [str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values]
            yield node.lineno, "".join(filled)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value


def named() -> dict[str, str]:
    """Every command that our own source names, with the first place that does."""
    found: dict[str, str] = {}
    for folder in ("include", "plugins", "dags"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            source = path.read_text()
            for line, text in texts(ast.parse(source)) if "lakeworks " in source else ():
                for match in COMMAND.finditer(text):
                    found.setdefault(match[1], f"{path.relative_to(ROOT)}:{line}")
    return found


@cache
def command_line() -> Any:
    return typer.main.get_command(cli.app)


def mistake(line: str) -> str:
    """What the command line would refuse; empty if nothing."""
    command = command_line()
    words = line.split()
    while hasattr(command, "commands"):
        if not words:
            return ""  # a group by its name
        default = getattr(command, "default", None)
        if default and (words[0].startswith("--") or (command.takes_arguments and words[0] not in command.commands)):
            words.insert(0, default)
        # A docstring's heading names several: list|show|replay
        name, *others = words.pop(0).split("|")
        if any(each not in command.commands for each in (name, *others)):
            return f"there is no `{name}` in `{command.name}`"
        command = command.commands[name]
    command = getattr(command, "loaded", command)
    options = {
        text: item
        for item in command.get_params(typer.Context(command))
        for text in item.opts
        if item.param_type_name == "option"
    }
    given = []
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            given.append(word)
        elif word not in options:
            return f"`{command.name}` has no `{word}`"
        elif not options[word].is_flag:
            words = words[1:]
    taken = [item for item in command.params if item.param_type_name == "argument"]
    needed = sum(item.required for item in taken)
    most = 1_000 if any(item.nargs == -1 for item in taken) else len(taken)
    if given and not needed <= len(given) <= most:
        return f"`{command.name}` takes {needed} to {most} arguments"
    return ""


def test_every_command_a_message_names_can_be_typed() -> None:
    commands = named()
    assert {"catalog repair X", "quarantine show X X", "repair X", "withdraw X X"} <= set(commands), (
        "found in the source"
    )
    wrong = {line: (where, says) for line, where in commands.items() if (says := mistake(line))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("quarantine X X", "there is no `X`"),
        ("repair X X", "takes 0 to 1 arguments"),
        ("withdraw X", "takes 2 to 2 arguments"),
        ("tenant remove X --all", "has no `--all`"),
        ("heal", "there is no `heal`"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line: str, says: str) -> None:
    assert says in mistake(line)
