"""State folder of a stack: marked as a stack's, and locked by one owner at a time."""

import fcntl
import shutil
from datetime import date
from pathlib import Path
from typing import IO

from lakeworks.project import current_project
from lakeworks_local.stack.process import StackError

MARKER = ".lakeworks-stack"
_TEXT = "State of a local Lakeworks stack. `demo` empties this folder; `make down` stops what runs from it.\n"


def hold(folder: Path) -> IO[str]:
    """Lock a state folder until the returned file is closed or this process ends. Create it if it does not exist.

    Raises:
        StackError: it is another owner's folder, or another command has locked it; nothing was changed.
    """
    claim(folder)
    lock = (folder / MARKER).open()  # children do not inherit it
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StackError(
            f"Another command is starting or playing on `{folder}`. Wait for it, or stop it: make down"
        ) from error
    return lock


def is_ours(folder: Path) -> bool:
    """Return True if a folder belongs to a stack, by its marker or its place in the project."""
    return (folder / MARKER).is_file() or folder.resolve().is_relative_to(current_project().root / ".local")


def claim(folder: Path) -> None:
    """Mark a new or empty folder, or a stack's folder, as a stack's.

    Raises:
        StackError: it is another owner's; nothing was changed.
    """
    if folder.exists() and not is_ours(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise StackError(
            f"`{folder}` is not a folder of this stack (no `{MARKER}` in it), and the stack empties its folder. Nothing was "
            "touched. Name another with --state, or remove this one yourself."
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(_TEXT)


def first_day(folder: Path, today: date) -> str:
    """Return the day on which a folder's stack was first started; the first call keeps it."""
    kept = folder / "first-day"
    if not kept.is_file():
        kept.write_text(str(today))
    return kept.read_text()


def emptied(folder: Path) -> None:
    """Remove everything in a locked folder but its marker."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARKER:
            path.unlink()
