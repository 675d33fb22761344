"""The meaning of a table's `transform.py`: the syntax trees of what its result depends on, in the file and in the project.

Layout, comments and docstrings do not count. Code of installed packages does not count either: only its import is part of it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lakeworks.contract import Contract
from lakeworks.errors import ContractError
from lakeworks.project import PACKAGE, current_project

FUNCTION = "transform.py"
_ENTRY = ("GROUP_BY", "transform")
# Code that builds code at run time: then every statement of its module counts.
_DYNAMIC = {"exec", "eval", "compile", "globals", "vars", "getattr", "setattr", "__import__", "importlib"}


@dataclass(frozen=True)
class FunctionCode:
    """The code that a function depends on: statements in normal form, and the text of the files they are in."""

    meaning: tuple[str, ...] = ()
    text: tuple[str, ...] = ()


def function_code(contract: Contract) -> FunctionCode:
    """Return the code that a table's group function depends on; empty for a table without one.

    Raises:
        ContractError: a file does not parse.
    """
    return code_in(contract.folder, current_project().folder)


def code_in(folder: Path, root: Path) -> FunctionCode:
    """Return the code of the group function in a table's folder; `root` is the lake's own folder of that project.

    Raises:
        ContractError: a file does not parse.
    """
    path = folder / FUNCTION
    if not path.is_file():
        return FunctionCode()
    walk = _Walk(root.resolve())
    for name in _ENTRY:
        walk.visit(path.resolve(), name)
    return FunctionCode(
        tuple(sorted(walk.statements)), tuple(module.text for _, module in sorted(walk.modules.items()))
    )


def normal_python(text: str) -> str:
    """Return the syntax tree of a file without comments and docstrings; the text itself if it does not parse."""
    try:
        return ast.dump(_without_docstrings(ast.parse(text)))
    except SyntaxError:
        return text


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ContractError(
            f"`{path.name}` of the folder `{path.parent.name}` is not UTF-8: {error.reason} at byte {error.start}. Nothing was "
            "run; save the file as UTF-8."
        ) from error


@dataclass
class _Module:
    """One parsed file of the project."""

    path: Path
    text: str

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """Its statements at the top, without docstrings."""
        try:
            tree = ast.parse(self.text)
        except SyntaxError as error:
            raise ContractError(
                f"`{self.path.name}` of the folder `{self.path.parent.name}` does not parse: {error.msg} (line "
                f"{error.lineno}). Nothing was run; correct the file."
            ) from error
        return _without_docstrings(tree).body

    @cached_property
    def by_name(self) -> dict[str, list[ast.stmt]]:
        """The statements that give each name its value."""
        named: dict[str, list[ast.stmt]] = {}
        for statement in self.statements:
            for name in _defined(statement):
                named.setdefault(name, []).append(statement)
        return named


@dataclass
class _Walk:
    """Visit of everything that a name depends on, inside the project's folder."""

    root: Path
    modules: dict[Path, _Module] = field(default_factory=dict)
    statements: set[str] = field(default_factory=set)
    _seen: set[tuple[Path, str]] = field(default_factory=set)

    def visit(self, path: Path, name: str) -> None:
        """Add the statements that define a name of a file, and those that they depend on."""
        if (path, name) in self._seen:
            return
        self._seen.add((path, name))
        module = self._module(path)
        for statement in module.by_name.get(name, []):
            self._add(module, statement)

    def _module(self, path: Path) -> _Module:
        if path not in self.modules:
            module = self.modules[path] = _Module(path, _text(path))
            for statement in module.statements:
                if not any(_defined(statement)):  # it runs at import, whatever is used
                    self._add(module, statement)
        return self.modules[path]

    def _add(self, module: _Module, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._follow(module, statement)
            return
        self.statements.add(f"{self._label(module.path)}: {ast.dump(statement)}")
        used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        for name in sorted(module.by_name if used & _DYNAMIC else used & set(module.by_name)):
            self.visit(module.path, name)

    def _follow(self, module: _Module, statement: ast.Import | ast.ImportFrom) -> None:
        for target, name in _imported(statement, module.path, self.root):
            if target is None:
                self.statements.add(f"import: {ast.dump(statement)}")
            elif name and name in self._module(target).by_name:
                self.visit(target, name)
            else:  # the module itself is used: any of its names may be
                for every in self._module(target).by_name:
                    self.visit(target, every)

    def _label(self, path: Path) -> str:
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else path.name


def _imported(
    statement: ast.Import | ast.ImportFrom, path: Path, root: Path
) -> Iterator[tuple[Path | None, str | None]]:
    """Yield the project's file and the name that each part of an import takes; no file for installed packages."""
    for alias in statement.names:
        if isinstance(statement, ast.Import):
            yield _file(root.parent, alias.name.split(".")) if alias.name.split(".")[0] == PACKAGE else None, None
            continue
        base, parts = root.parent, (statement.module or "").split(".")
        if statement.level:
            base = path.parents[statement.level - 1]
            parts = [part for part in parts if part]
        elif parts[0] != PACKAGE:
            yield None, None
            continue
        submodule = _file(base, [*parts, alias.name])
        yield (submodule, None) if submodule else (_file(base, parts), alias.name)


def _file(base: Path, parts: list[str]) -> Path | None:
    module = base.joinpath(*parts)
    places = (module.with_suffix(".py"), module / "__init__.py") if parts else (base / "__init__.py",)
    return next((place.resolve() for place in places if place.is_file()), None)


def _defined(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top of a file defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.split(".")[0]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and body:
            first = body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = body[1:]
    return tree
