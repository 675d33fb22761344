"""`lakeworks tenant` as a person and a program use it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from lakeworks import cli
from lakeworks.core.tenant import Tenant
from lakeworks.errors import ConfigError, TenantHasData
from lakeworks.lake import Lake
from lakeworks.settings import current_settings


@pytest.fixture
def command(lake: Lake, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Run `lakeworks tenant …` and return its JSON, or raise what it raised."""
    environment = {
        "LAKE_BUCKET": lake.store.bucket, "LAKE_SCRATCH_DIR": str(lake.scratch), "AWS_ENDPOINT_URL": moto_url,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    current_settings.cache_clear()

    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(cli.app, ["tenant", *arguments])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return json.loads(done.stdout)

    yield run
    current_settings.cache_clear()


def test_a_tenants_life(command: Callable[..., Any], lake: Lake) -> None:
    added = command("add", "acme", "--owner", "team-a", "--json")
    assert {row["outcome"] for row in added} == {"created"}
    lake.for_tenant(Tenant("acme")).store.put("gold/market/x", b"123")
    (row,) = command("list", "--sizes", "--json")
    assert (row["id"], row["owner"], row["state"], row["objects"], row["bytes"]) == ("acme", "team-a", "active", 1, 3)
    with pytest.raises(TenantHasData):
        command("remove", "acme", "--json")
    assert command("remove", "acme", "--keep-data", "--json") == [{"tenant": "acme", "outcome": "removed"}]
    assert [row["state"] for row in command("list", "--json")] == ["removed"]


def test_policy_names_the_account_of_the_credentials_or_the_given_one(command: Callable[..., Any]) -> None:
    glue = command("policy", "acme")["Statement"][2]["Resource"]
    assert glue[0] == "arn:aws:glue:us-east-1:123456789012:catalog"
    assert command("policy", "acme", "--account", "999988887777")["Statement"][2]["Resource"][0].endswith(
        ":999988887777:catalog"
    )


@pytest.mark.parametrize(
    ("action", "target", "decision"),
    [
        ("s3:GetObject", "silver/tenant=acme/market/x", "allowed"),
        ("s3:GetObject", "silver/tenant=acme-emea/market/x", "denied"),
        ("s3:ListBucket", "silver/tenant=acme/", "allowed"),
        ("s3:ListBucket", "silver/tenant=acme", "denied"),
        ("glue:GetTable", "table/acme__silver_market/prices", "allowed"),
        ("glue:GetTable", "table/acme_emea__silver_market/prices", "denied"),
        ("athena:StartQueryExecution", "workgroup/lake", "denied"),
    ],
)
def test_may_answers_by_iams_rules(command: Callable[..., Any], action: str, target: str, decision: str) -> None:
    (row,) = command("may", "acme", action, target, "--json")
    assert row["decision"] == decision


def test_a_bad_id_is_refused_before_anything_is_done(command: Callable[..., Any], lake: Lake) -> None:
    with pytest.raises(ConfigError, match="Nothing was done"):
        command("add", "acme/*")
    assert list(lake.store.scan("")) == []


def test_the_command_line_works_for_a_tenant(
    command: Callable[..., Any], lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakeworks.cli.connection import connect

    monkeypatch.setenv("LAKE_TENANT", "acme")
    current_settings.cache_clear()
    assert connect().store.uri("silver/market/x") == f"s3://{lake.store.bucket}/silver/tenant=acme/market/x"
    assert connect().catalog.tenant == Tenant("acme")
    command("add", "globex", "--json")
    assert [item.key for item in lake.store.scan("metadata/tenants/")] == ["metadata/tenants/globex.json"], (
        "the lake's register"
    )
