"""The meaning of a transform's SQL: its syntax tree in one normal form.

Texts that differ only in layout, comments, letter case or the names of inner aliases have the same form. Two texts with the
same form give the same rows. The reverse does not hold: another form is no proof of other rows.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from lakeworks.core.names import TableName
from lakeworks.transform.sql import parse

if TYPE_CHECKING:
    from sqlglot import exp

Inputs = tuple[tuple[TableName, tuple[str, ...]], ...]


def normal_form(sql: str, inputs: Mapping[TableName, Sequence[str]]) -> str:
    """Return a transform's normal form. `inputs` are the columns of the tables that it reads.

    Raises:
        ContractError: the text does not parse.
    """
    return _normal_form(sql, tuple((name, tuple(columns)) for name, columns in sorted(inputs.items())))


def condition_form(sql: str) -> str:
    """Return the normal form of one condition, such as a row rule. Its names are columns, so they stay."""
    return _text(parse(sql))


@lru_cache(maxsize=256)
def _normal_form(sql: str, inputs: Inputs) -> str:
    from sqlglot.errors import SqlglotError

    tree = parse(sql)
    try:
        resolved = qualified(tree, inputs)
    except SqlglotError:  # this form depends on inner names too; another layout gives the same form
        return _text(tree)
    return form_of(resolved)


def form_of(tree: "exp.Expression") -> str:
    """Return the form of a tree that `qualified` made; the tree is changed."""
    if _has_uncertain_names(tree):
        return _text(tree)
    return _text(_with_numbered_names(tree))


def qualified(tree: "exp.Expression", inputs: Inputs) -> "exp.Expression":
    """Return a copy with the table written before each column, and the columns of each `*`.

    Raises:
        SqlglotError: a name cannot be resolved.
    """
    from sqlglot.optimizer.qualify import qualify

    schema: dict[str, object] = {}
    for name, columns in inputs:
        tables = schema.setdefault(name.database, {})
        assert isinstance(tables, dict)  # noqa: S101 - made in the line above
        tables[name.table] = dict.fromkeys(columns, "VARCHAR")
    return qualify(tree.copy(), dialect="duckdb", schema=schema, validate_qualify_columns=False)


def _has_uncertain_names(tree: "exp.Expression") -> bool:
    """Return whether a column has no table: a numbered name might then stand for two columns. ORDER BY may name results."""
    from sqlglot import exp

    loose = (column for column in tree.find_all(exp.Column) if not column.table)
    return any(column.find_ancestor(exp.Order) is None for column in loose)


def _with_numbered_names(tree: "exp.Expression") -> "exp.Expression":
    """Number inner relations and their columns. The names of tables and of the result's columns stay."""
    from sqlglot.optimizer.canonicalize_internal_names import canonicalize_internal_names

    return canonicalize_internal_names(tree)


def _text(tree: "exp.Expression") -> str:
    return str(tree.sql("duckdb", comments=False))
