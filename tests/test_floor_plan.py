"""Modules are nouns that hide no function, folders stay small, and each name means one thing."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ON_SERVERS

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("include/lakeworks", "include/lakeworks_local", "plugins/lakeworks_airflow", "tests")
MOST_MODULES = 16


def modules(package: str) -> list[Path]:
    return sorted((REPOSITORY / package).rglob("*.py"))


def parsed(path: Path) -> ast.Module:
    """The tree of a module. It is not kept: a thousand of them cost the garbage collector three times what reading them does."""
    return ast.parse(path.read_text())


def defined(tree: ast.Module) -> set[str]:
    return {item.name for item in tree.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


def bound(tree: ast.Module) -> set[str]:
    """Names that the module's own statements bind, imports included."""
    imports = [item for item in tree.body if isinstance(item, ast.Import | ast.ImportFrom)]
    return defined(tree) | {name.asname or name.name for item in imports for name in item.names}


def shadowed(path: Path) -> Iterator[str]:
    """Names of modules that an object takes away: a module's own name, or one that its package binds over it."""
    text = path.read_text()
    if path.name == "__init__.py":
        tree = ast.parse(text)
        siblings = {item.stem for item in path.parent.iterdir() if item.suffix == ".py" or item.is_dir()}
        yield from sorted((bound(tree) & siblings) | (defined(tree) & {path.parent.name}))
    elif f" {path.stem}" in text and path.stem in defined(ast.parse(text)):  # few texts have the word
        yield path.stem


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_has_the_name_of_what_it_holds(package: str) -> None:
    """`import package.publish` must give the module; a function of that name, exported by the package, would hide it."""
    assert [f"{path.relative_to(REPOSITORY)}: {name}" for path in modules(package) for name in shadowed(path)] == []


def test_a_module_that_is_hidden_is_found(tmp_path: Path) -> None:
    (tmp_path / "verify.py").write_text("def verify(): ...\n")
    (tmp_path / "publish.py").write_text("def make_live(): ...\n")
    (tmp_path / "__init__.py").write_text("from elsewhere import make_live as publish\n")
    assert [name for path in sorted(tmp_path.glob("*.py")) for name in shadowed(path)] == ["publish", "verify"]


@pytest.mark.parametrize("package", [*PACKAGES[:-1], "dags"])
def test_no_folder_becomes_an_attic(package: str) -> None:
    """A folder with more modules than a reader keeps in view is split by meaning."""
    folders = {path.parent for path in modules(package)}
    sizes = {folder: len([item for item in folder.glob("*.py") if item.stem != "__init__"]) for folder in folders}
    assert {str(folder.relative_to(REPOSITORY)): size for folder, size in sizes.items() if size > MOST_MODULES} == {}


def test_what_is_left_out_of_the_quick_tests_is_there() -> None:
    """A test that was renamed would silently become a quick one."""
    places = [path.relative_to(REPOSITORY / "tests").as_posix() for path in (REPOSITORY / "tests").rglob("test_*.py")]
    gone = {name for name in ON_SERVERS if not any(f"/{name}" in f"/{place}/" for place in places)}
    exact = {
        name
        for name in ON_SERVERS
        if not name.endswith("/") and not any(f"/{place}".endswith(f"/{name}.py") for place in places)
    }
    assert (gone, exact) == (set(), set())


def named_types(tree: ast.Module) -> Iterator[str]:
    """Public classes and type aliases of a module: `class Finding`, `Kind = Literal[...]`."""
    for item in tree.body:
        if isinstance(item, ast.ClassDef):
            names = [item.name]
        elif isinstance(item, ast.Assign):
            names = [target.id for target in item.targets if isinstance(target, ast.Name)]
        else:
            continue
        yield from (name for name in names if name[0].isupper() and not name.isupper())


def test_each_type_name_means_one_thing() -> None:
    """A reader who looks a type up by its name finds one definition."""
    places = defaultdict(list)
    for package in PACKAGES[:-1]:
        for path in modules(package):
            for name in named_types(parsed(path)):
                places[name].append(str(path.relative_to(REPOSITORY)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Each `from module import name` of this repository, also inside functions."""
    for item in ast.walk(parsed(path)):
        if (
            isinstance(item, ast.ImportFrom)
            and item.module
            and not item.level
            and source_of(item.module.partition(".")[0])
        ):
            yield from ((item.module, name.name) for name in item.names)


@cache
def source_of(module: str) -> Path | None:
    for root in ("include", "plugins", ""):
        path = REPOSITORY / root / module.replace(".", "/")
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


@cache
def names_in(path: Path) -> set[str]:
    """Every name that a module binds anywhere."""
    tree = parsed(path)
    assigned = {item.id for item in ast.walk(tree) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    return assigned | bound(tree)


def has(module: str, name: str) -> bool:
    path = source_of(module)
    return path is not None and (name in names_in(path) or source_of(f"{module}.{name}") is not None)


@pytest.mark.parametrize("folder", ["benchmarks", "tests/conformance", "tests/stack", "tests/chaos"])
def test_scripts_that_the_quick_tests_do_not_import_name_what_there_is(folder: str) -> None:
    """A benchmark broke unseen when a function moved to another module."""
    gone = [(path.name, *pair) for path in modules(folder) for pair in imports(path) if not has(*pair)]
    assert gone == []
