"""`python -m lakeworks_local demo|up|down`, called by `make demo`, `make up` and `make down`."""

import argparse
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from lakeworks.contract import all_tables
from lakeworks.project import current_project
from lakeworks_local.plan import Suggestion, load_walkthrough
from lakeworks_local.stack.environment import LOGIN
from lakeworks_local.stack.folder import is_ours
from lakeworks_local.stack.process import StackError
from lakeworks_local.stack.stack import Stack
from lakeworks_local.walkthrough import Demo


def main() -> int:
    """Run a command. Return 0 only if everything worked."""
    parser = argparse.ArgumentParser(prog="lakeworks_local")
    parser.add_argument("command", choices=["demo", "up", "down"])
    parser.add_argument("--state", type=Path, help="state folder (default: .local/<command>)")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    # `make up` keeps its data. A demo starts without data and does not touch the stack of `make up`.
    name = "demo" if arguments.command == "demo" else "up"
    folder = arguments.state or current_project().root / ".local" / name
    moved_dates = arguments.command != "down" and load_walkthrough(current_project()).dates == "moved"
    stack = Stack(folder, moved_dates=moved_dates)
    for number in (signal.SIGTERM, signal.SIGHUP):  # closing the terminal must stop the stack
        signal.signal(number, lambda *_: sys.exit(143))
    if arguments.command == "down":
        if arguments.state and not is_ours(arguments.state):
            _failed(console, f"`{arguments.state}` is not a folder of this stack; nothing was touched")
            return 1
        folders = (
            [arguments.state]
            if arguments.state
            else [current_project().root / ".local" / part for part in ("up", "demo")]
        )
        stopped = [name for folder in folders for name in Stack(folder).stop()]
        console.print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")
        return 0
    return _play(stack, console, keep=arguments.command == "up")


def _play(stack: Stack, console: Console, *, keep: bool) -> int:
    demo, began, worked = Demo(stack, console), time.monotonic(), False
    if alive := stack.running():  # it belongs to another owner and must not be stopped here
        _failed(console, f"a stack runs already ({', '.join(alive)}). Stop it first: make down")
        return 1
    try:
        with demo.step("Start the stack"):
            stack.start(fresh=not keep, step=lambda text: console.print(f"  {text}"))
        try:
            demo.play()
        except OSError:  # requests' errors are OSErrors
            stack.check()  # raises the reason if a part has ended
            raise
        worked = True
    except (StackError, OSError) as error:
        console.print(f"[bold red]failed[/] in the step «{demo.current}»:")
        console.print(str(error), markup=False, soft_wrap=True)
        if stack.services:
            console.print(f"All logs are in {_short(stack.run, Path.cwd())}", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; stopping what was started")
        return 130
    finally:
        if stack.services and not (keep and worked):
            stack.stop()
    console.print(f"[bold green]Done in {time.monotonic() - began:.0f} s.[/]")
    _look_around(stack, console, keep=keep)
    return 0


def _failed(console: Console, text: str) -> None:
    """Print a failure. A path in it is neither cut into two lines nor read as markup."""
    console.print(f"[bold red]failed:[/] {escape(text)}", soft_wrap=True)


def _short(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def _look_around(stack: Stack, console: Console, *, keep: bool) -> None:
    assert stack.addresses is not None
    if not keep:
        console.print("Everything was stopped. `make up` leaves Airflow and the lake running; then try:")
        _suggest(console, stack)
        return
    env = escape(shlex.quote(str(_short(stack.env_file, current_project().root))))
    console.print(
        f"Airflow    {stack.addresses.airflow}   login {LOGIN[0]} / {LOGIN[1]}\n"
        f"AWS        {stack.addresses.aws}   (S3 and Glue emulator)\n"
        f"Sources    {stack.addresses.replay}   (replay server)\n"
        f"Shell      set -a; . {env}; set +a; . .venv/bin/activate\n"
        "Stop       make down\n"
        "In the shell, try:",
        soft_wrap=True,
    )
    _suggest(console, stack)


def _suggest(console: Console, stack: Stack) -> None:
    """Print what to try: the walkthrough's own suggestions, or what every lake has."""
    for suggestion in load_walkthrough(stack.project).suggestions or usual_suggestions(all_tables()):
        console.print(f"  {suggestion.shows}:\n    [bold]{escape(suggestion.command)}[/]", soft_wrap=True)


def usual_suggestions(tables: Sequence[str]) -> tuple[Suggestion, ...]:
    """Return what to try in a lake whose walkthrough suggests nothing."""
    if not tables:
        first = "lakeworks table new bronze.shop.orders --source file_drop.orders --sample orders.csv"
        return (
            Suggestion(command=first, shows="a first table, from a file of yours"),
            Suggestion(command="lakeworks doctor", shows="what works here, and what does not"),
        )
    layer, _, path = tables[-1].partition(".")
    return (
        Suggestion(command="lakeworks status", shows="what is published, missing or stale"),
        Suggestion(command=f"lakeworks ledger {tables[-1]}", shows="every publication of a table"),
        Suggestion(command=f'lakeworks sql "SELECT * FROM {layer}_{path} LIMIT 10"', shows="its rows"),
    )


if __name__ == "__main__":
    sys.exit(main())
