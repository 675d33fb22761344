"""IAM policies by purpose: the smallest set of statements that lets exactly those calls through."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from lakeworks.errors import ConfigError
from lakeworks.infrastructure.resource import Document
from lakeworks.permissions.aws_call import On, Purpose
from lakeworks.permissions.aws_calls import every_call
from lakeworks.permissions.lake_resources import RESOURCES
from lakeworks.permissions.policy_scope import PolicyScope
from lakeworks.permissions.stream_calls import DELIVERY_ACTIONS

# Characters of a managed policy without white space (IAM quotas).
MOST_CHARACTERS = 6144
# Purposes that are about one part of lake.yml: without it they have no policy.
_FEATURES = {Purpose.CRAWL: "crawlers", Purpose.STREAM: "streams", Purpose.DELIVERY: "deliveries"}


def policy_documents(purpose: Purpose, scope: PolicyScope, *more: Purpose) -> list[Document]:
    """Return the policy for a purpose; several documents if it is larger than IAM takes. A role needs all of them.

    A role that does `more` gets the rights for that in the same documents.

    Raises:
        ConfigError: lake.yml has nothing that the purpose is about.
    """
    granted: dict[On, set[str]] = defaultdict(set)
    feature = _FEATURES.get(purpose, "")
    for call in every_call():
        if call.purposes & {purpose, *more} and scope.has(call.feature):
            granted[call.on] |= set(call.actions)
    if purpose is Purpose.DELIVERY:
        for on, actions in DELIVERY_ACTIONS.items():
            granted[on] |= actions
    if not granted or not scope.has(feature):
        raise ConfigError(
            f"There is no policy for `{purpose}`: lake.yml declares nothing that it is about. Nothing was written. Declare "
            "it first (docs/lake-yml.md)."
        )
    statements = [item for on, actions in granted.items() for item in _statements(on, actions, scope)]
    return [_document(part) for part in _packed(_merged(statements))]


def size_of(document: Mapping[str, Any]) -> int:
    """Return the characters of a document as IAM counts them."""
    return len(json.dumps(document, separators=(",", ":")))


def _statements(on: On, actions: set[str], scope: PolicyScope) -> Iterable[Document]:
    resources, condition = RESOURCES[on](scope)
    if resources:
        statement = {"Effect": "Allow", "Action": sorted(actions), "Resource": sorted(set(resources))}
        yield {"Sid": on.name.title().replace("_", ""), **statement, **({"Condition": condition} if condition else {})}


def _merged(statements: Iterable[Document]) -> list[Document]:
    """Join statements about the same resources."""
    merged: dict[str, Document] = {}
    for item in statements:
        place = json.dumps([item["Resource"], item.get("Condition")])
        known = merged.setdefault(place, item)
        known["Action"] = sorted({*known["Action"], *item["Action"]})
    return list(merged.values())


def _packed(statements: Iterable[Document]) -> Iterable[list[Document]]:
    """Yield as many statements together as fit into one document."""
    together: list[Document] = []
    for item in statements:
        if (size := size_of(_document([item]))) > MOST_CHARACTERS:
            raise ConfigError(
                f"`{item['Sid']}` needs a policy of {size:,} characters, and IAM takes {MOST_CHARACTERS:,}: "
                "one statement has too many resources. Nothing was written. Use another lake.yml for some of them."
            )
        if together and size_of(_document([*together, item])) > MOST_CHARACTERS:
            yield together
            together = []
        together.append(item)
    yield together


def _document(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
