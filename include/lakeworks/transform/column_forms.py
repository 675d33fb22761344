"""The meaning of each column of a transform, and of its set of rows: one normal form each, with the columns that it uses.

A column's form is that of a query which selects this column alone. If the forms of the rows and of a column are the same in two
texts, the column has the same values in both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.core.names import TableName
from lakeworks.transform.column_origins import Origin
from lakeworks.transform.sql import parse
from lakeworks.transform.sql_meaning import Inputs, form_of, qualified

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class Form:
    """One normal form, and every column of another table that occurs in it."""

    text: str
    uses: frozenset[Origin] = frozenset()


@dataclass(frozen=True)
class TransformForms:
    """The forms of a transform's rows and columns. Without `columns` they cannot be taken apart: any change is one of all."""

    rows: Form
    columns: Mapping[str, Form] = field(default_factory=dict)


def transform_forms(sql: str, inputs: Mapping[TableName, Sequence[str]]) -> TransformForms:
    """Return the forms of a transform. `inputs` are the columns of the tables that it reads.

    Raises:
        ContractError: the text does not parse.
    """
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    given: Inputs = tuple((name, tuple(columns)) for name, columns in sorted(inputs.items()))
    try:
        tree = qualified(parse(sql), given)
    except SqlglotError:
        every = frozenset((str(name), column) for name, columns in given for column in columns)
        return TransformForms(Form(form_of(parse(sql)), every))
    if not isinstance(tree, exp.Select) or not _is_separable(tree):
        return TransformForms(_form(tree, given))
    rows = _selecting(tree, [])
    return TransformForms(
        _form(rows, given),
        {item.alias_or_name: _form(_selecting(tree, [item]), given) for item in tree.selects},
    )


def _is_separable(tree: "exp.Select") -> bool:
    """Return whether the outer query has the same rows whichever of its columns are selected."""
    from sqlglot import exp

    if any(tree.args.get(part) for part in ("distinct", "order", "limit", "offset")):
        return False
    sums = any(item.find(exp.AggFunc) and not item.find(exp.Window) for item in tree.selects)
    return bool(tree.args.get("group")) or not sums


def _selecting(tree: "exp.Select", chosen: Sequence["exp.Expression"]) -> "exp.Expression":
    """Return the query with these columns alone, and without inner columns that nothing uses."""
    from sqlglot import exp
    from sqlglot.optimizer.pushdown_projections import pushdown_projections

    one = tree.copy()
    one.set("expressions", [item.copy() for item in chosen] or [exp.alias_(exp.Literal.number(1), "one")])
    return pushdown_projections(one)


def _form(tree: "exp.Expression", inputs: Inputs) -> Form:
    return Form(form_of(tree.copy()), frozenset(_used(tree, {(n.database, n.table): str(n) for n, _ in inputs})))


def _used(tree: "exp.Expression", tables: Mapping[tuple[str, str], str]) -> set[Origin]:
    """Return every column of the tables that occurs anywhere in a qualified query."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    columns = set()
    for scope in traverse_scope(tree):
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if isinstance(source, exp.Table) and (table := tables.get((source.db, source.name))):
                columns.add((table, column.name))
    return columns
