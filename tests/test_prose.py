"""The rules of prose that a program can hold (CONTRIBUTING.md): how a docstring begins, and words a reader has to decode."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
CODE = ("include", "plugins", "dags")
# A docstring opens with a verb (`Return ...`) or a noun phrase, never with a subordinate clause.
CLAUSE = re.compile(r'^ *r?"""(What|How|Where|Whether|Which|Who|Whoever|Whose|When|Why)\b', re.MULTILINE)
WORDS = [
    "told",
    "aside",
    "anew",
    "mend",
    "mends",
    "mended",
    "mending",
    "whoever",
    "somebody",
    "nobody",
    "stands",
    "wherever",
]
BANNED = re.compile(rf"\b({'|'.join(WORDS)})\b", re.IGNORECASE)
# The key of a document that lies in buckets keeps its name.
STORED = re.compile(r'alias="told"')
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "Makefile",
    ".env.example",
    "docs",
    "benchmarks",
    "docker",
    "include",
    "plugins",
    "dags",
)
TEXT = {".py", ".md", ".yml", ".sql", ".template", ".example", ""}


def test_docstrings_open_with_a_verb_or_a_noun() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}: {match[0].strip()} ..."
        for folder in CODE
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        for match in CLAUSE.finditer(path.read_text())
    ]
    assert found == []


def pages() -> Iterator[Path]:
    """Files that a reader reads: code with its comments and messages, pages, tables. Decision records are history."""
    for name in PAGES:
        path = REPOSITORY / name
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and file.suffix in TEXT and not {"adr", "data", "__pycache__"} & {*file.parts}:
                yield file


def suspect_lines() -> Iterator[tuple[Path, int, str]]:
    for path in pages():
        text = path.read_text(errors="ignore")
        if any(word in text.lower() for word in WORDS):  # a tenth of the expression's time
            yield from ((path, number, line) for number, line in enumerate(text.splitlines(), 1))


def test_no_word_that_a_reader_has_to_decode() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:120]}"
        for path, number, line in suspect_lines()
        if BANNED.search(STORED.sub("", line))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [("It was told of.", True), ("Retold and untold", False), ("Set aside", True), ("outstanding", False)],
)
def test_words_are_whole_words(line: str, expected: bool) -> None:
    assert bool(BANNED.search(line)) is expected
