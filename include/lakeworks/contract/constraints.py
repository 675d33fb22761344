"""Checks of a contract's rules: exact limits, regular expressions, row conditions, known expectations.

Most functions raise ValueError with what is wrong; pydantic adds the place in the file.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from lakeworks.core.names import suggestion
from lakeworks.core.types import LakeType

# Names and arguments of the expectations that `checks` can have; written by `make docs`.
EXPECTATIONS = Path(__file__).with_name("expectations.json")
WHOLE = ("tinyint", "smallint", "int", "bigint")
REAL = ("float", "double")
# Syntax that Python has and RE2, which runs the row rules, does not.
_NOT_IN_RE2 = {
    "ASSERT": "look-ahead or look-behind", "ASSERT_NOT": "look-ahead or look-behind", "GROUPREF": "a back-reference",
    "GROUPREF_EXISTS": "a conditional group", "ATOMIC_GROUP": "an atomic group", "POSSESSIVE_REPEAT": "a possessive repeat",
}  # fmt: skip


def exact_number(value: Any) -> int | Decimal:
    """Return a number as it is written: an integer or a decimal, never a float. Text keeps digits that floats lose."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f"`{value}` is not a number")  # noqa: TRY004 - pydantic reports ValueErrors with their place
    if isinstance(value, int):
        return value
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"`{value}` is not a number") from error
    if not number.is_finite():
        raise ValueError(f"`{value}` is no limit: leave it out")
    return number


def allowed_value(value: Any) -> str | bool | int | Decimal:
    """Return one value of an enumeration; numbers as `exact_number` reads them."""
    return value if isinstance(value, str | bool) else exact_number(value)


def check_value(kind: LakeType, value: str | bool | int | Decimal, field: str) -> None:
    """Check that a limit or allowed value has the column's type."""
    if kind.kind == "string" and field == "allowed":
        if not isinstance(value, str):
            raise ValueError(f"allowed: `{value}` is not a string: put it in quotes")
        return
    if kind.kind == "boolean" and field == "allowed":
        if not isinstance(value, bool):
            raise ValueError(f"allowed: `{value}` is not true or false")
        return
    if kind.kind not in (*WHOLE, *REAL, "decimal"):
        raise ValueError(f"{field}: a column of type {kind} has none; write a row rule")
    if isinstance(value, str | bool):
        raise ValueError(f"{field}: `{value}` is not a number")  # noqa: TRY004
    if kind.kind in WHOLE and value != int(value):
        raise ValueError(f"{field}: `{value}` is not a whole number, and the column is {kind}")
    if kind.kind == "decimal" and not _fits(Decimal(value), kind):
        raise ValueError(f"{field}: `{value}` is not a {kind}")


def _fits(value: Decimal, kind: LakeType) -> bool:
    _, digits, exponent = value.normalize().as_tuple()
    places = max(-int(exponent), 0)
    return places <= kind.scale and len(digits) + int(exponent) <= kind.precision - kind.scale


def check_pattern(text: str) -> None:
    """Check that a regular expression means the same to Python (the audit) and to RE2 (the row rules)."""
    try:
        re.compile(text)
        parsed = re._parser.parse(text)  # type: ignore[attr-defined]
    except re.error as error:
        raise ValueError(f"`{text}` is not a regular expression: {error}") from error
    for name in _operations(parsed):
        if name in _NOT_IN_RE2:
            raise ValueError(f"`{text}` uses {_NOT_IN_RE2[name]}, which DuckDB's RE2 does not know")


def _operations(parsed: Any) -> Iterator[str]:
    """Yield the names of every operation of a parsed expression, however deep."""
    if isinstance(parsed, re._parser.SubPattern | list | tuple):  # type: ignore[attr-defined]
        for item in parsed:
            yield from _operations(item)
    elif isinstance(parsed, int) and hasattr(parsed, "name"):
        yield str(parsed.name)


def condition_columns(text: str) -> set[str]:
    """Return the columns in a Great Expectations row condition (`k == 1 and code.notnull()`, `col("k") == 1`)."""
    quoted = re.findall(r"`([^`]+)`", text)
    plain = re.sub(r"`[^`]+`", "True", text)
    try:
        tree = ast.parse(plain.strip(), mode="eval")
    except SyntaxError as error:
        raise ValueError(f"row_condition `{text}` is not an expression: {error.msg}") from error
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - called
    columns = {
        str(argument.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "col"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }
    return names | columns | set(quoted)


def check_columns(named: Iterable[str], known: Iterable[str]) -> None:
    """Check that the columns of a check are in the files."""
    if missing := sorted(set(named) - set(known)):
        raise ValueError(
            f"names no column of the files: {', '.join(missing)} (a partition column without a transform is only "
            "in the path)"
        )


@cache
def known_expectations() -> Mapping[str, Any]:
    """Return what each expectation does and its arguments, by name."""
    expectations: dict[str, Any] = json.loads(EXPECTATIONS.read_text(encoding="utf-8"))
    return expectations


def expectation_problems(name: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield an unknown name, or arguments that the expectation does not have."""
    known = known_expectations()
    if name not in known:
        yield f"there is no expectation `{name}`. {suggestion(name, known)}"
        return
    for argument in arguments:
        if argument not in known[name]["arguments"]:
            yield f"`{name}` has no argument `{argument}`. {suggestion(argument, known[name]['arguments'])}"
