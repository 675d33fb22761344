"""Marks of parameters in a text: `?`, or `:name`, which Athena does not know and which become `?` in the right order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakeworks.core.names import suggestion
from lakeworks.errors import ContractError

NOTHING = "Nothing was sent."
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Mark:
    """The place of a parameter in a text; without a name it is a `?`."""

    start: int
    end: int
    name: str = ""

    def __str__(self) -> str:
        """Return what the person wrote."""
        return f":{self.name}" if self.name else "?"


def marks_of(sql: str) -> list[Mark]:
    """Return the marks in their order, without those inside texts and comments.

    Raises:
        ContractError: the text cannot be read as SQL, or mixes both kinds.
    """
    from sqlglot.tokens import TokenType

    tokens, marks = tokens_of(sql), list[Mark]()
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.token_type is TokenType.PLACEHOLDER:
            marks.append(Mark(token.start, token.end))
        elif token.token_type is TokenType.COLON and following and _is_name(token, following):
            marks.append(Mark(token.start, following.end, following.text))
    if len({bool(mark.name) for mark in marks}) > 1:
        raise ContractError(f"The query has parameters written `?` and others with a name. {NOTHING} Use one kind.")
    return marks


def _is_name(colon: Any, following: Any) -> bool:
    return following.start == colon.end + 1 and bool(_NAME.fullmatch(following.text))


def tokens_of(sql: str) -> list[Any]:
    """Return the words of a text.

    Raises:
        ContractError: it cannot be read as SQL.
    """
    import sqlglot

    try:
        return list(sqlglot.tokenize(sql, read="trino"))
    except sqlglot.errors.SqlglotError as error:
        raise ContractError(f"The query does not parse: {str(error).splitlines()[0]} {NOTHING}") from error


def replaced(sql: str, marks: Sequence[Mark], texts: Sequence[str]) -> str:
    """Return the text with other texts in place of the marks."""
    for mark, text in reversed(list(zip(marks, texts, strict=True))):
        sql = sql[: mark.start] + text + sql[mark.end + 1 :]
    return sql


def values_as_typed(sql: str, texts: Sequence[str]) -> Sequence[str] | Mapping[str, str]:
    """Return values as a person types them: `name=value` where the query has named parameters.

    Raises:
        ContractError: a value has no name, or a name comes twice.
    """
    if not any(mark.name for mark in marks_of(sql)):
        return texts
    pairs = [text.partition("=") for text in texts]
    names = [name for name, _, _ in pairs]
    if nameless := [text for text in texts if not _NAME.fullmatch(text.partition("=")[0]) or "=" not in text]:
        raise ContractError(
            f"`{nameless[0]}` has no name, and the query's parameters have. {NOTHING} Write --param name=value"
        )
    if len(set(names)) < len(names):
        raise ContractError(f"A parameter is given twice: {', '.join(names)}. {NOTHING}")
    return {name: value for name, _, value in pairs}


def values_in_order(marks: Sequence[Mark], given: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
    """Return a value for each mark.

    Raises:
        ContractError: a value is missing, or one is left over.
    """
    names = [mark.name for mark in marks if mark.name]
    if isinstance(given, Mapping):
        if unknown := sorted(set(given) - set(names)):
            known = suggestion(unknown[0], sorted(set(names)))
            raise ContractError(f"The query has no parameter `:{unknown[0]}`. {known} {NOTHING}")
        if missing := [name for name in names if name not in given]:
            raise ContractError(f"Parameter `:{missing[0]}` has no value. {NOTHING} Give it: --param {missing[0]}=…")
        if len(names) == len(marks):
            return [given[name] for name in names]
        given = []
    if names:
        raise ContractError(f"Parameter `:{names[0]}` is given by its name: --param {names[0]}=… {NOTHING}")
    if len(given) != len(marks):
        raise ContractError(
            f"The query has {len(marks)} parameters (`?`), and {len(given)} values were given. {NOTHING} "
            "Give one --param for each, in their order."
        )
    return list(given)
