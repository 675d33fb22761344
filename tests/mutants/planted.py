"""The kept list of faults: one text of one module each, what it becomes, and the tests expected to notice."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "faults"
# Folders of importable code, relative to the root of the project.
SOURCES = ("include", "plugins")


class StaleFault(Exception):
    """The list of faults is no longer true of the code."""


@dataclass(frozen=True)
class Fault:
    """One planted fault. `text` occurs once in `module`; with `becomes` in its place one of `tests` must fail."""

    name: str
    what: str
    module: str
    text: str
    becomes: str
    tests: tuple[str, ...]

    def path(self, root: Path) -> Path:
        """Return the module's file below a root.

        Raises:
            StaleFault: there is no such module.
        """
        parts = self.module.replace(".", "/")
        candidates = [root / source / f"{parts}{end}" for source in SOURCES for end in (".py", "/__init__.py")]
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        raise StaleFault(f"`{self.name}`: there is no module `{self.module}`. Name the module that holds the code now.")

    def mutated(self, source: str) -> str:
        """Return a module's source with the fault in it.

        Raises:
            StaleFault: the text does not occur exactly once.
        """
        found = source.count(self.text)
        if found != 1 or self.text == self.becomes:
            raise StaleFault(
                f"`{self.name}`: its text occurs {found} times in `{self.module}`; it must occur once and differ from what it "
                f"becomes. Correct the entry in tests/mutants/faults:\n{self.text}"
            )
        return source.replace(self.text, self.becomes)


def load_faults(folder: Path = FOLDER) -> list[Fault]:
    """Return every fault of the list, in order of its files."""
    return [
        Fault(**{**entry, "tests": tuple(entry["tests"])})
        for path in sorted(folder.glob("*.toml"))
        for entry in tomllib.loads(path.read_text())["fault"]
    ]


def problems(faults: Sequence[Fault], root: Path) -> Iterator[str]:
    """Yield each way in which the list is not true of the code below `root`."""
    for name, count in Counter(fault.name for fault in faults).items():
        if count > 1:
            yield f"`{name}`: {count} faults have this name."
    for fault in faults:
        try:
            fault.mutated(fault.path(root).read_text())
        except StaleFault as error:
            yield str(error)
        missing: list[Any] = [test for test in fault.tests if not (root / test.partition("::")[0]).is_file()]
        if missing or not fault.tests:
            yield f"`{fault.name}`: there are no tests {', '.join(missing) or 'named'}."
