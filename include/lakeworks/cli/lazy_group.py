"""Click groups that import a command's module when the command runs, not before: `--help` stays quick."""

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from lakeworks.cli.column_choice import show_every_column
from lakeworks.cli.dev_choice import begin_command, dev_option, refused_dev_option
from lakeworks.cli.registry import COMMANDS, GROUPS, CommandEntry, GroupEntry


class LazyCommand(TyperCommand):
    """A command's name, panel and one-line help. `loaded` is the command itself."""

    def __init__(self, entry: CommandEntry) -> None:
        *above, name = entry.words.split()
        super().__init__(name, help=entry.help, rich_help_panel=None if above else entry.panel)
        self._target, self._words = entry.target, entry.words

    @cached_property
    def loaded(self) -> Any:
        """Return the command with its options; import its module."""
        module, _, function = self._target.partition(":")
        command = _command(getattr(import_module(f"lakeworks.cli.{module}"), function), self.name)
        if any(item.name == "as_json" for item in command.params):  # then it prints tables
            command.params += [item for item in _command(_table_options).params if item.name == "wide"]
        option = dev_option if begin_command(self._words) else refused_dev_option
        command.params += [item for item in _command(option).params if item.name == "dev"]
        return command


class LazyGroup(TyperGroup):
    """A group of registered commands."""

    def __init__(self, entry: GroupEntry) -> None:
        super().__init__(
            name=entry.word, help=entry.help, rich_help_panel=entry.panel, no_args_is_help=not entry.default
        )
        self.default, self.takes_arguments = entry.default, entry.takes_arguments
        below = f"{entry.word} "
        self.commands = {
            item.words.removeprefix(below): LazyCommand(item) for item in COMMANDS if item.words.startswith(below)
        }

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Run the default command where none is named."""
        first = args[0] if args else ""
        is_argument = self.takes_arguments and bool(first) and first not in self.commands
        is_option = first.startswith("-") or not first
        if self.default and first not in ctx.help_option_names and (is_option or is_argument):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that was named."""
        return _loaded(super().resolve_command(ctx, args))


class RootGroup(TyperGroup):
    """`lakeworks` itself: groups and commands, in the order of the registry."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        groups = {entry.word: entry for entry in GROUPS}
        self.commands = {
            word: LazyGroup(groups[word]) if word in groups else LazyCommand(entry)
            for entry in COMMANDS
            for word in [entry.words.split()[0]]
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that was named."""
        return _loaded(super().resolve_command(ctx, args))


def _table_options(
    wide: Annotated[
        bool,
        typer.Option("--wide", help="Show every column.", callback=show_every_column, expose_value=False),
    ] = False,
) -> None:
    """Add the options of every command that prints tables."""


def _command(function: Callable[..., None], name: str | None = None) -> Any:
    app = typer.Typer(add_completion=False)
    app.command(name)(function)
    return typer.main.get_command(app)


def _loaded(resolved: Any) -> Any:
    name, command, rest = resolved
    return name, command.loaded if isinstance(command, LazyCommand) else command, rest
