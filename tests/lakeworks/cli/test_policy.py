"""`lakeworks policy` as a person and a program use it."""

import json
from collections.abc import Callable

from tests.lakeworks.cli.test_cli import Done, command

__all__ = ["command"]
LAKE = {"LAKE_BUCKET": "acme-lake", "LAKE_REGION": "us-gov-west-1"}
ACCOUNT = ("--account", "123456789012")


def test_a_policy_needs_no_credentials_and_has_the_lakes_arns(command: Callable[..., Done]) -> None:
    done = command("policy", "--for", "run", *ACCOUNT, **LAKE)
    text = json.dumps(json.loads(done.stdout))
    assert (done.returncode, '"arn:aws-us-gov:s3:::acme-lake/_ledger/*"' in text) == (0, True)
    assert "arn:aws-us-gov:glue:us-gov-west-1:123456789012:database/silver_*" in text


def test_athena_is_added_to_a_run_when_asked(command: Callable[..., Done]) -> None:
    plain = command("policy", "--for", "run", *ACCOUNT, **LAKE).stdout
    added = command("policy", "--for", "run", "--with-athena", *ACCOUNT, **LAKE).stdout
    assert ("athena:StartQueryExecution" in plain, "athena:StartQueryExecution" in added) == (False, True)
    assert "s3:DeleteObject" in added
    refused = command("policy", "--for", "read", "--with-athena", *ACCOUNT, **LAKE)
    assert (refused.returncode, "is for `--for run`" in refused.stderr) == (1, True)


def test_a_tenants_policy_is_that_of_its_role(command: Callable[..., Done]) -> None:
    done = command("policy", "--for", "tenant", "--tenant", "acme", *ACCOUNT, **LAKE)
    assert done.stdout == command("tenant", "policy", "acme", *ACCOUNT, **LAKE).stdout
    refused = command("policy", "--for", "tenant", *ACCOUNT, **LAKE)
    assert (refused.returncode, "Name it: --tenant acme" in refused.stderr) == (1, True)


def test_a_purpose_that_there_is_not_is_a_wrong_command_line(command: Callable[..., Done]) -> None:
    assert command("policy", "--for", "everything", *ACCOUNT, **LAKE).returncode == 2
