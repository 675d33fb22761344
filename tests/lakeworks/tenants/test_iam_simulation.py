"""IAM's decision logic: the documentation's own rules, and agreement with an independent implementation."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from lakeworks.errors import ConfigError
from lakeworks.tenants.iam_simulation import Request, decide

BUCKET = "arn:aws:s3:::lake"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(**parts: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/*", **parts}


@pytest.mark.parametrize(
    ("document", "request_", "expected"),
    [
        (policy(), Request("s3:GetObject", f"{BUCKET}/a"), "denied"),
        (policy(allow()), Request("s3:GetObject", f"{BUCKET}/a/b"), "allowed"),
        (policy(allow()), Request("S3:getobject", f"{BUCKET}/a"), "allowed"),
        (policy(allow()), Request("s3:GetObject", f"{BUCKET}2/a"), "denied"),
        (policy(allow()), Request("s3:GetObject", BUCKET), "denied"),
        (policy(allow(Action="s3:Get?bject")), Request("s3:GetObject", f"{BUCKET}/a"), "allowed"),
        (policy(allow(Resource=f"{BUCKET}/A*")), Request("s3:GetObject", f"{BUCKET}/a"), "denied"),
        (policy(allow(Resource=f"{BUCKET}/a.b")), Request("s3:GetObject", f"{BUCKET}/axb"), "denied"),
        (
            policy(allow(), {**allow(Resource=f"{BUCKET}/secret/*"), "Effect": "Deny"}),
            Request("s3:GetObject", f"{BUCKET}/secret/x"),
            "explicitly denied",
        ),
    ],
)
def test_rules_of_the_documentation(document: Any, request_: Request, expected: str) -> None:
    assert decide(document, request_) == expected


def test_not_elements_cover_everything_else() -> None:
    document = policy({"Effect": "Allow", "NotAction": "s3:Delete*", "NotResource": f"{BUCKET}/secret/*"})
    assert decide(document, Request("s3:GetObject", f"{BUCKET}/x")) == "allowed"
    assert decide(document, Request("s3:DeleteObject", f"{BUCKET}/x")) == "denied"
    assert decide(document, Request("s3:GetObject", f"{BUCKET}/secret/x")) == "denied"


def test_a_condition_on_a_key_the_request_lacks_is_false() -> None:
    """Why a policy must not demand encryption headers of reads: they carry none."""
    document = policy(allow(Condition={"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}))
    assert decide(document, Request("s3:GetObject", f"{BUCKET}/a")) == "denied"
    lenient = policy(allow(Condition={"StringEqualsIfExists": {"s3:x-amz-server-side-encryption": "AES256"}}))
    assert decide(lenient, Request("s3:GetObject", f"{BUCKET}/a")) == "allowed"


@pytest.mark.parametrize(
    "statement",
    [
        allow(Condition={"NumericLessThan": {"s3:max-keys": "10"}}),
        allow(Resource=f"{BUCKET}/${{aws:username}}/*"),
        {**allow(), "Principal": "*"},
    ],
)
def test_what_is_not_covered_is_refused_instead_of_guessed(statement: Any) -> None:
    with pytest.raises(ConfigError, match="Cannot judge"):
        decide(policy(statement), Request("s3:GetObject", f"{BUCKET}/a", {"s3:max-keys": "5"}))


# Small alphabets, so that patterns and values often meet.
TEXT = st.text("ab/=", max_size=5)
PATTERN = st.text("ab/=*?", max_size=5)
ACTION = st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:ListBucket", "glue:GetTable"])
ACTIONS = st.lists(ACTION | st.sampled_from(["s3:*", "s3:Get*", "*", "S3:getobject"]), min_size=1, max_size=2)
OPERATOR = st.sampled_from(["StringLike", "StringEquals", "StringNotLike", "StringNotEquals", "StringLikeIfExists"])


@st.composite
def statements(draw: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    found[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(ACTIONS)
    resources = st.lists(PATTERN.map(lambda text: f"{BUCKET}/{text}"), min_size=1, max_size=2)
    found[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(resources)
    if draw(st.booleans()):
        found["Condition"] = {draw(OPERATOR): {"s3:prefix": draw(st.lists(PATTERN, min_size=1, max_size=2))}}
    return found


@settings(max_examples=400, deadline=None)
@given(st.lists(statements(), max_size=3), ACTION, TEXT, st.none() | TEXT)
def test_an_independent_implementation_decides_the_same(
    parts: list[dict[str, Any]], action: str, key: str, prefix: str | None
) -> None:
    context = {} if prefix is None else {"s3:prefix": prefix}
    theirs = evaluate(
        EvalContext("arn:aws:iam::000000000000:user/x", "User", "000000000000", action, f"{BUCKET}/{key}", "us-east-1",
                    source_ip="127.0.0.1", secure_transport=True, service_context=context),
        [parse_policy_document(policy(*parts))],
    )  # fmt: skip
    expected = {"Allow": "allowed", "Deny": "explicitly denied", "ImplicitDeny": "denied"}[theirs.decision]
    assert decide(policy(*parts), Request(action, f"{BUCKET}/{key}", context)) == expected
