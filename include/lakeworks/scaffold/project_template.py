"""A new project: the files of a template, written into a new or empty folder.

`csv` and `empty` exist as templates only. `taxi`, `market` and `commerce` are copied from Lakeworks' own lake.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

from lakeworks.errors import ConfigError
from lakeworks.project import MARKER

_TEMPLATES = Path(__file__).parent / "templates"
# In a wheel they lie beside the templates; in a checkout they are the repository's folders.
_SHIPPED = _TEMPLATES / "shipped"
_CHECKOUT = Path(__file__).resolve().parents[3]
_MOST_NAME = 40


@dataclass(frozen=True)
class Domain:
    """A domain of Lakeworks' own lake: the domain of its tables, its DAG files."""

    tables: str
    dags: tuple[str, ...]


DOMAINS = {
    "taxi": Domain("transport", ("taxi",)),
    "market": Domain("market", ("market", "market_crypto", "market_intraday", "market_reference", "market_yahoo")),
    "commerce": Domain(
        "commerce",
        (
            "commerce",
            "commerce_events",
            "commerce_monthly",
            "commerce_stream",
            "lake_inbox",
            "nightly/commerce_reconciliation",
        ),
    ),
}
TEMPLATES = ("csv", *DOMAINS, "empty")
# The walkthrough of `csv` drops its samples and starts their runs itself; events would start each run a second time.
_INBOX = {
    "csv": "# Without the next line's # a file dropped in the inbox starts its DAG within seconds; then: lakeworks bootstrap\n"
    "# inbox_events: {}\n",
    "commerce": "inbox_events: {}   # a file dropped in the inbox starts its DAG within seconds\n",
}
_LAKE_DAGS = ("lake_bootstrap", "lake_freshness", "lake_maintenance")


def write_project(folder: Path, template: str = "csv") -> list[Path]:
    """Write all files of a template, or none.

    Returns:
        The paths written, relative to the folder.

    Raises:
        ConfigError: there is no such template, or the folder is not empty.
    """
    if template not in TEMPLATES:
        raise ConfigError(f"There is no template `{template}`. Nothing was written. Known: {', '.join(TEMPLATES)}.")
    folder = folder.expanduser().absolute()
    _refuse_taken(folder)
    words = {
        "@@NAME@@": _name(folder),
        "@@VERSION@@": version("lakeworks"),
        "@@INBOX@@": _INBOX.get(template, ""),
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise ConfigError(f"`{folder}` cannot be made: {error.strerror}. Nothing was written.") from error
    try:
        written = [_write(source, made / target, words) for source, target in _files(template)]
        made.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    except OSError as error:
        raise ConfigError(f"`{folder}` cannot be written: {error}. Nothing was left there.") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return sorted(path.relative_to(made) for path in written)


def _refuse_taken(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"`{folder}` is a file. Nothing was written. Name a new folder.")
    if folder.is_dir() and any(folder.iterdir()):
        obstacle = "a project" if (folder / MARKER).is_file() else "not empty"
        raise ConfigError(f"`{folder}` is {obstacle}. Nothing was written. Name a new folder.")


def _name(folder: Path) -> str:
    """Return the folder's name as part of bucket names: lower-case letters, digits and hyphens."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in folder.name.lower())
    return kept.strip("-")[:_MOST_NAME].strip("-") or "my-lake"


def _files(template: str) -> Iterator[tuple[Path, str]]:
    """Yield every source file and its path in the project."""
    yield from _tree(_TEMPLATES / "base")
    for name in _LAKE_DAGS:
        yield _shipped("dags") / f"{name}.py", f"dags/{name}.py"
    if template not in DOMAINS:
        yield from _tree(_TEMPLATES / template)
        return
    domain, lake = DOMAINS[template], _shipped("include/lake")
    for name in domain.dags:
        yield _shipped("dags") / f"{name}.py", f"dags/{name}.py"
    for layer in sorted(path.name for path in (lake / "tables").iterdir()):
        for path, target in _tree(lake / "tables" / layer / domain.tables):
            yield path, f"include/lake/tables/{layer}/{domain.tables}/{target}"
    yield lake / "__init__.py", "include/lake/__init__.py"
    yield _TEMPLATES / f"walkthroughs/{template}.yml", "include/lake/walkthrough.yml"


def _tree(root: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            # Templates spell a leading dot as `dot_`, so that no tool reads them as its own files.
            yield path, path.relative_to(root).as_posix().replace("dot_", ".").removesuffix(".template")


def _shipped(folder: str) -> Path:
    inside = _SHIPPED / folder
    return inside if inside.is_dir() else _CHECKOUT / folder


def _write(source: Path, target: Path, words: dict[str, str]) -> Path:
    text = source.read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(word, value)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target
