"""The rules of prose that a program can hold (CONTRIBUTING.md): openings, length of sentences, and words a reader has to decode."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeworks import errors

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
    assert "\n".join(found) == ""


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
    assert "\n".join(found) == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [("It was told of.", True), ("Retold and untold", False), ("Set aside", True), ("outstanding", False)],
)
def test_words_are_whole_words(line: str, expected: bool) -> None:
    assert bool(BANNED.search(line)) is expected


MOST_WORDS = 25
# The description of a field or an option is a noun phrase or an imperative, never a question or half a sentence.
QUESTION = re.compile(
    r"(what|how|where|whether|which|who|whom|when|why|if|because|although|also|of|so|though)\b", re.IGNORECASE
)
# Each of these hides who does what, or says it in a private dialect; the rows of `test_phrases` have the plain words.
PHRASES = re.compile(
    r"\b(cut by|left alone|out of sight|for good|others kept|was asked|however often|landed of it|untouched|as it was|whatever"
    r"|look(ing)? again|looked at|lies in|goes on|say --|to be had|what (is|was|were|arrived|came|it))\b",
    re.IGNORECASE,
)
LOGS = {"debug", "info", "warning", "error", "exception"}
ERRORS = {name for name in vars(errors) if name[0].isupper()} | {
    "ValueError",
    "AirflowFailException",
    "StackError",
    "UnfitError",
}
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs", "docs/domains")
# Its figures come with the conditions of their measurement, and its docstring's tree of errors has no sentences.
LONG = {"docs/benchmarks.md", "include/lakeworks/errors.py"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Each file of the code and its tree. None is kept: the garbage collector would look through all of them again and again."""
    for folder in CODE:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            yield str(path.relative_to(REPOSITORY)), ast.parse(path.read_text())


def written(item: ast.AST) -> str:
    """A string as its reader sees it; each value that the program puts in is one word."""
    match item:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(written(part) or "X" for part in values)
        case ast.BinOp(left=left, right=right):
            return written(left) + written(right)
        case _:
            return ""


def printed_texts(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Messages of errors, log lines, lines of the command line, and descriptions of options and fields."""
    for item in ast.walk(tree):
        if not isinstance(item, ast.Call):
            continue
        name = getattr(item.func, "attr", getattr(item.func, "id", ""))
        is_log = name in LOGS and isinstance(getattr(item.func, "value", None), ast.Name)
        if item.args and (name in ERRORS or name == "say" or is_log):
            yield item.lineno, "message", written(item.args[0])
        for keyword in item.keywords:
            if keyword.arg in ("help", "description"):
                yield keyword.value.lineno, "description", written(keyword.value)


def sentences(text: str) -> Iterator[str]:
    """Sentences and the parts that a colon or a semicolon separates, without code."""
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*([-*|#]|\d+\.))", re.sub(r"``?[^`]*``?", "", text)):
        yield from re.split(r"(?<=[.!?:;])[*\")]*\s+|\|", paragraph or "")


def too_long(text: str) -> list[str]:
    return [
        part for part in sentences(text) if len([word for word in part.split() if re.search(r"\w", word)]) > MOST_WORDS
    ]


def faults(kind: str, text: str) -> list[str]:
    plain = re.sub(r"`[^`]*`", "X", text)
    phrase, question = PHRASES.search(plain), kind == "description" and QUESTION.match(plain)
    return [*too_long(text), *([phrase[0]] if phrase else []), *([question[0]] if question else [])]


def test_texts_that_a_program_prints_are_plain() -> None:
    found = [
        f"{path}:{line}: {fault!r} in: {text[:120]}"
        for path, tree in trees()
        for line, kind, text in printed_texts(tree)
        for fault in faults(kind, text)
    ]
    assert "\n".join(found) == ""


def test_docstrings_have_one_idea_a_sentence() -> None:
    found = [
        f"{path}:{getattr(item, 'lineno', 1)}: {part[:120]}"
        for path, tree in trees()
        if path not in LONG
        for item in ast.walk(tree)
        if isinstance(item, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for part in too_long(ast.get_docstring(item) or "")
    ]
    assert "\n".join(found) == ""


def test_pages_have_one_idea_a_sentence() -> None:
    files = [
        path
        for name in DOCUMENTS
        for path in ([REPOSITORY / name] if name.endswith(".md") else (REPOSITORY / name).glob("*.md"))
    ]
    found = [
        f"{path.relative_to(REPOSITORY)}: {part[:120]}"
        for path in files
        if str(path.relative_to(REPOSITORY)) not in LONG
        for part in too_long(re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL))
    ]
    assert "\n".join(found) == ""


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("message", "`x` is not cut by time. Leave --from out.", ["cut by"]),
        ("message", "`x` is not partitioned by time. Remove --from.", []),
        ("message", "`x` was made by others, and left alone.", ["left alone"]),
        ("message", "Nothing was asked; others kept landing files.", ["was asked"]),
        ("description", "What a value means.", ["What"]),
        ("description", "Meaning of a value.", []),
        ("description", "Whether columns are served.", ["Whether"]),
        ("message", " ".join(["word"] * 26) + ".", [" ".join(["word"] * 26) + "."]),
        ("message", " ".join(["word"] * 20) + ": " + " ".join(["word"] * 20), []),
    ],
)
def test_phrases(kind: str, text: str, expected: list[str]) -> None:
    assert faults(kind, text) == expected
