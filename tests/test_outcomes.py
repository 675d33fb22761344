"""Each row of docs/sources.md that says what bad input becomes names tests, and those tests are there."""

import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "sources.md"
ROOTS = (TESTS, TESTS / "lakeworks", TESTS.parent / "include" / "lake" / "tables")


def rows() -> Iterator[tuple[str, str]]:
    """Each outcome and its last cell, of tables whose last column says what shows it."""
    shown = False
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|"):
            shown = False
        elif cells[-1].startswith("shown by"):
            shown = True
        elif shown and not set(line) <= set("|- "):
            yield cells[0], cells[-1]


def files(named: str) -> list[Path]:
    """The modules that a name may mean: names that repeat a folder leave it out."""
    return [
        path for root in ROOTS if root.is_dir() for path in root.rglob(Path(named).name) if str(path).endswith(named)
    ]


def test_every_outcome_names_tests_that_are_there() -> None:
    missing, module = [], None
    for outcome, cell in rows():
        named = re.findall(r"`([^`]+)`", cell)
        missing += [] if named else [f"{outcome}: no test is named"]
        for path, _, function in (text.partition("::") for text in named):
            if path not in ("", "…"):  # else the module that was named last
                found = files(path)
                module = found[0] if found else None
                missing += [] if found else [f"{outcome}: {path} is not there"]
            if function and module is not None and not _has(module, function):
                missing.append(f"{outcome}: {module.name} has no {function}")
    assert not missing, "\n".join(missing)


def _has(module: Path, function: str) -> bool:
    begun = function.removesuffix("…")
    end = "" if begun != function else r"\b"
    return re.search(f"def {re.escape(begun)}{end}", module.read_text()) is not None
