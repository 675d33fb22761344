"""Wait until a file below some folders changes; polls, so that it works on every file system and in containers."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ChangeTimes = dict[Path, tuple[int, int]]
_ENDINGS = (".yml", ".yaml", ".sql", ".py", ".csv", ".json")


def snapshot(folders: Sequence[Path]) -> ChangeTimes:
    """Return size and time of change of every file that a person writes below the folders."""
    times: ChangeTimes = {}
    for path in (path for folder in folders for path in folder.rglob("*")):
        if path.suffix in _ENDINGS and "__pycache__" not in path.parts:
            try:
                state = path.stat()
            except FileNotFoundError:  # an editor replaced it
                continue
            times[path] = (state.st_size, state.st_mtime_ns)
    return times


def changes(
    folders: Sequence[Path], before: ChangeTimes, *, every: float = 0.3, sleep: Callable[[float], None] = time.sleep
) -> Iterator[set[Path]]:
    """Yield the files that changed, appeared or went since `before`, each time there are some."""
    while True:
        now = snapshot(folders)
        if now != before:
            yield {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
            before = now
        sleep(every)
