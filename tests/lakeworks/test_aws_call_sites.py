"""Every call site of the library, refused over the wire with every error of its call: the class that comes out, and nothing raw.

The sites are read from the source, so a new call fails here until a scenario reaches it. `aws_call_sites.yml` lists each answer
that a site takes in another way than by its class, such as a missing table that it makes.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from lakeworks.aws_error_codes import UNKNOWN_CALLER
from lakeworks.errors import (
    LakeAccessDenied,
    LakeError,
    LakeNotFound,
    LakeUnavailable,
    ObjectArchived,
    RequestRefused,
    TransientError,
)
from tests.lakeworks.aws_call_scenarios import SCENARIOS, AwsScenario
from tests.lakeworks.permissions.test_aws_calls import CLIENTS, COMMON, operations
from tests.support.sampled_aws import SOURCE, CallSite, SampledAws, WireError, modelled_errors

DECIDED = Path(__file__).with_name("aws_answers.yml")
OTHERWISE = Path(__file__).with_name("aws_call_sites.yml")
# Makes its client from the environment; the call and its translation are those of `account_checks.account_of`.
BY_ENVIRONMENT = {"cli/connection.py own_account get_caller_identity"}
CLASSES: dict[str, type[LakeError]] = {
    one.__name__: one for one in (LakeAccessDenied, LakeNotFound, LakeUnavailable, ObjectArchived, RequestRefused)
}
# Attributes of these names that are no calls of AWS.
NO_CALLS = {
    "agents/server.py": "a tool of the assistant's server", "cli/set_up/bucket.py": "commands",
    "shares/downloads.py": "signed here, not sent", "permissions/aws_calls.py": "the table",
}  # fmt: skip


def _sites(tree: ast.AST, path: str, within: tuple[str, ...] = ()) -> Iterator[CallSite]:
    for node in ast.iter_child_nodes(tree):
        inside = within
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            inside = (*within, node.name)
        names: list[str] = []
        if isinstance(node, ast.Attribute) and node.attr in operations():
            receiver = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            names = [node.attr] if node.attr not in COMMON or receiver in CLIENTS else []
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_paginator":
            names = [str(item.value) for item in node.args if isinstance(item, ast.Constant)]
        yield from (CallSite(path, ".".join(within), name) for name in names)
        yield from _sites(node, path, inside)


@cache
def call_sites() -> frozenset[CallSite]:
    """Every place of the library that calls AWS."""
    found = set()
    for file in sorted(SOURCE.rglob("*.py")):
        path = str(file.relative_to(SOURCE))
        if path not in NO_CALLS:
            found |= set(_sites(ast.parse(file.read_text()), path))
    return frozenset(found)


def errors_of(service: str, operation: str) -> list[WireError]:
    """Denial, throttling, a fault, and what AWS models for the call."""
    if service == "s3":
        general = [WireError("AccessDenied", 403), WireError("SlowDown", 503), WireError("InternalError", 500)]
    else:
        general = [
            WireError("AccessDeniedException", 400),
            WireError("ThrottlingException", 400),
            WireError("InternalFailure", 500),
        ]
    return [
        *general,
        *(one for one in modelled_errors(service, operation) if one.code not in {e.code for e in general}),
    ]


@cache
def decided() -> dict[str, dict[str, str]]:
    """Class by service and code; what is not listed refuses the request."""
    return {
        service: {code: kind for kind, codes in kinds.items() for code in codes}
        for service, kinds in yaml.safe_load(DECIDED.read_text()).items()
    }


def expected(service: str, error: WireError, *, is_head: bool) -> str:
    """The class of an error wherever nothing else is decided."""
    if is_head and error.status < 500:  # without a body there is a status alone
        return {403: "LakeAccessDenied", 404: "LakeNotFound"}.get(error.status, "LakeUnavailable")
    general = {"AccessDenied": "LakeAccessDenied", "AccessDeniedException": "LakeAccessDenied"}
    if error.status >= 500 or error.code in ("ThrottlingException", "SlowDown"):
        return "LakeUnavailable"
    return decided().get(service, {}).get(error.code) or general.get(error.code, "RequestRefused")


def outcome(scenario: AwsScenario, aws: SampledAws) -> LakeError | None:
    """What comes out of the library; an error of boto3 that nothing translates is raised."""
    try:
        scenario.run(aws)
    except LakeError as error:
        return error
    return None


@cache
def reached() -> dict[CallSite, tuple[AwsScenario, str, str]]:
    """The first scenario that reaches each site, and what is called there."""
    found: dict[CallSite, tuple[AwsScenario, str, str]] = {}
    for scenario in SCENARIOS:
        aws = scenario.aws(call_sites())
        outcome(scenario, aws)
        for site, call in aws.seen.items():
            found.setdefault(site, (scenario, *call))
    return found


@pytest.mark.refused_by_aws  # what it read before is a sample: 'x'
def test_every_call_site_is_reached() -> None:
    """Add a scenario to `aws_call_scenarios.py` that makes the new call."""
    assert {str(site) for site in call_sites() - set(reached())} == set(BY_ENVIRONMENT)


@pytest.mark.refused_by_aws
def test_every_error_at_every_call_site_has_its_class() -> None:
    raw: list[str] = []
    otherwise: dict[str, dict[str, str]] = defaultdict(dict)
    for site, (scenario, service, operation) in sorted(reached().items(), key=lambda item: str(item[0])):
        is_head = operation.startswith("Head")
        for error in errors_of(service, operation):
            aws = scenario.aws(call_sites(), site, error)
            kind = expected(service, error, is_head=is_head)
            try:
                came = outcome(scenario, aws)
            except Exception as untranslated:
                raw.append(f"{site} {error.code}: {type(untranslated).__name__} {untranslated}")
                continue
            assert aws.was_sent, f"{site} was not reached again"
            retried = isinstance(came, TransientError)
            if came is None or not (isinstance(came, CLASSES[kind]) or (retried and kind == "LakeUnavailable")):
                otherwise[str(site)][error.code] = type(came).__name__ if came else "is taken"
            elif isinstance(came, LakeAccessDenied) and error.code not in UNKNOWN_CALLER:
                assert re.search("denied: |lack |Lake Formation", str(came)), f"{site}: {came}"
    assert raw == []
    assert {name: dict(found) for name, found in otherwise.items()} == (yaml.safe_load(OTHERWISE.read_text()) or {})
