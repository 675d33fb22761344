"""Registry of a project's sources: the library's vendors, installed packages' entry points, and files of the project.

A source is a module with `connect(access)` and, for a `RequestSource`, `parse(request, answer)`. Its name is the part before
the dot of a contract's `source`, and the id of its Airflow connection. A project adds one by a file in `include/lake/sources/`;
a package adds one by an entry point of the group `lakeworks.sources`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from lakeworks.errors import ContractError, LakeError
from lakeworks.project import current_project
from lakeworks.sources.protocols import AnySource, Parse, SourceConnection

GROUP = "lakeworks.sources"
OWN = {
    "files": ("declared", "file_drop", "lake", "stream"),
    "vendors": ("alpha_vantage", "coingecko", "exchange_calendars", "nyc_tlc", "sec", "shopify", "sp500", "yahoo"),
}


@dataclass(frozen=True)
class KnownSource:
    """One source: its name, its origin in words, and its module's loader."""

    name: str
    origin: str
    load: Callable[[], ModuleType]


def known_sources() -> dict[str, KnownSource]:
    """Return every source by name. No module is imported.

    Raises:
        ContractError: two places name the same source.
        ConfigError: there is no project.
    """
    sources: dict[str, KnownSource] = {}
    for source in (*_of_library(), *_installed(), *_of_project()):
        if source.name in sources:
            raise ContractError(
                f"Two sources have the name `{source.name}`: {sources[source.name].origin} and {source.origin}. "
                "Nothing was run. Rename one, and `source:` in the contracts that use it."
            )
        sources[source.name] = source
    return sources


def open_source(name: str, base_url: str | None = None, access: SourceConnection | None = None) -> AnySource:
    """Return the client of a source. By default it uses the vendor's own address.

    Raises:
        ContractError: there is no such source, or its module is broken.
    """
    client: AnySource = _part(name, "connect")(access or SourceConnection(base_url))
    return client


def parser_of(name: str) -> Parse | None:
    """Return the function that turns a source's landed answers into rows; None for a source whose files are tables already.

    Raises:
        ContractError: there is no such source, or its module is broken.
    """
    parse: Parse | None = getattr(_module(name), "parse", None)
    return parse


def _part(name: str, part: str) -> Any:
    module = _module(name)
    try:
        return getattr(module, part)
    except AttributeError as error:
        raise ContractError(f"The source `{name}` ({module.__file__}) has no `{part}`. Nothing was run.") from error


def _module(name: str) -> ModuleType:
    known = known_sources()
    if name not in known:
        likely = get_close_matches(name, known, 1)
        hint = f" Did you mean `{likely[0]}`?" if likely else ""
        raise ContractError(
            f"There is no source `{name}`.{hint} Known: {', '.join(sorted(known))}. Nothing was run. Add one as "
            f"`{current_project().sources.relative_to(current_project().root)}/{name}.py`."
        )
    try:
        return known[name].load()
    except LakeError:
        raise
    except Exception as error:
        raise ContractError(
            f"The source `{name}` ({known[name].origin}) does not import ({type(error).__name__}: {error}). Nothing was run."
        ) from error


def _of_library() -> list[KnownSource]:
    modules = ((name, f"lakeworks.sources.{folder}.{name}") for folder, names in OWN.items() for name in names)
    return [KnownSource(name, module, partial(import_module, module)) for name, module in modules]


@cache
def _installed() -> tuple[KnownSource, ...]:
    """Return the sources of installed packages. Cached, because it reads every package's metadata."""
    return tuple(
        KnownSource(point.name, f"the entry point `{point.value}`", point.load) for point in entry_points(group=GROUP)
    )


def _of_project() -> list[KnownSource]:
    here = current_project()
    return [
        KnownSource(path.stem, f"`{path.relative_to(here.root)}`", partial(here.load_module, f"sources.{path.stem}"))
        for path in sorted(here.sources.glob("*.py"))
        if not path.stem.startswith("_")
    ]
