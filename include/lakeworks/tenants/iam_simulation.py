"""Simulation of IAM's decision about one request: an explicit deny wins, then an allow, else the request is denied.

It covers Action/NotAction, Resource/NotResource, `*` and `?`, and the conditions below. Anything else is an error.
Actions compare without case, resources and condition values with it; a condition on a key the request lacks is false
(IAM JSON policy reference, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators").
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from lakeworks.errors import ConfigError

AccessDecision = Literal["allowed", "denied", "explicitly denied"]
_KNOWN = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True)
class Request:
    """One call as IAM sees it."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def decide(policy: Mapping[str, Any], request: Request) -> AccessDecision:
    """Return IAM's decision for an identity that has only this policy.

    Raises:
        ConfigError: the policy uses an element or condition this logic does not cover.
    """
    decision: AccessDecision = "denied"
    for statement in _several(policy["Statement"]):
        if not _applies(statement, request):
            continue
        if statement["Effect"] == "Deny":
            return "explicitly denied"
        decision = "allowed"
    return decision


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    if unknown := set(statement) - _KNOWN:
        raise ConfigError(f"Cannot judge a policy with {', '.join(sorted(unknown))}. Nothing was decided.")
    return (
        _names(statement, "Action", request.action.lower(), str.lower)
        and _names(statement, "Resource", request.resource, str)
        and all(
            _holds(operator, key, _several(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _names(statement: Mapping[str, Any], element: str, value: str, fold: Callable[[str], str]) -> bool:
    """Return True if an element (or its `Not` form) covers a value."""
    if element in statement:
        return any(_like(fold(pattern), value) for pattern in _several(statement[element]))
    return not any(_like(fold(pattern), value) for pattern in _several(statement[f"Not{element}"]))


def _holds(operator: str, key: str, patterns: list[str], context: Mapping[str, str]) -> bool:
    folded = {name.lower(): value for name, value in context.items()}
    value = folded.get(key.lower())
    base, if_exists = operator.removesuffix("IfExists"), operator.endswith("IfExists")
    compare: dict[str, Callable[[str, str], bool]] = {
        "StringEquals": lambda pattern, actual: pattern == actual,
        "StringLike": _like,
        "StringNotEquals": lambda pattern, actual: pattern == actual,
        "StringNotLike": _like,
        "Bool": lambda pattern, actual: pattern.lower() == actual.lower(),
    }
    if base not in compare:
        raise ConfigError(f"Cannot judge a policy with the condition `{operator}`. Nothing was decided.")
    negated = "Not" in base
    if value is None:
        return if_exists or negated
    return any(compare[base](pattern, value) for pattern in patterns) != negated


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _like(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern: `*` is any text with slashes, `?` is one character. Policy variables have unknown values."""
    if "${" in pattern:
        raise ConfigError(f"Cannot judge `{pattern}`: it holds a policy variable. Nothing was decided.")
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(char) or re.escape(char) for char in pattern), re.DOTALL)
