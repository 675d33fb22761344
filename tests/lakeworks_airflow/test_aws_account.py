"""An Airflow connection's own settings reach every client: its region is checked, its `config_kwargs` hold."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lakeworks.errors import ConfigError, LakeUnavailable
from lakeworks.settings import current_settings
from lakeworks_airflow.aws_account import Account
from lakeworks_airflow.connections import lake_address

Connect = Callable[..., Account]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Make an account from a connection with the given extras; the lake is in eu-west-1."""
    monkeypatch.setenv("LAKE_BUCKET", "a-bucket")
    monkeypatch.setenv("LAKE_REGION", "eu-west-1")
    current_settings.cache_clear()

    def made(region: str = "eu-west-1", **extra: Any) -> Account:
        connection = {"conn_type": "aws", "login": "AKIAEXAMPLE", "password": "secret-key", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_AWS_OTHER", json.dumps(connection))
        return Account.of("aws_other", region)

    return made


def test_the_connections_client_settings_hold(connect: Connect) -> None:
    """They were dropped: behind a corporate proxy nothing connected, and a FIPS mandate was broken in silence."""
    wanted = {
        "proxies": {"https": "http://proxy.example:3128"},
        "use_fips_endpoint": True,
        "retries": {"mode": "adaptive", "total_max_attempts": 9},
        "s3": {"addressing_style": "virtual"},
        "read_timeout": 7,
    }
    client = connect(config_kwargs=wanted).client("s3")
    config = client.meta.config
    assert config.proxies == {"https": "http://proxy.example:3128"}
    assert config.retries["mode"] == "adaptive"
    assert config.retries["total_max_attempts"] == 9
    assert config.s3["addressing_style"] == "virtual"
    assert (config.read_timeout, config.tcp_keepalive) == (7, True), "the lake's own where the connection says nothing"
    assert "fips" in client.meta.endpoint_url


def test_a_connection_of_another_region_is_refused(connect: Connect) -> None:
    with pytest.raises(ConfigError, match=r"`aws_other` names region eu-central-1, the lake's settings name eu-west-1"):
        connect(region_name="eu-central-1")
    assert connect(region_name="eu-west-1").client("s3").meta.region_name == "eu-west-1"


def test_another_region_that_a_caller_asks_for_is_no_contradiction(connect: Connect) -> None:
    """The budget's and the replica's clients are of regions of their own."""
    account = connect("us-east-1", region_name="eu-west-1")
    assert account.client("s3").meta.region_name == "us-east-1"


def test_an_account_that_sts_does_not_say_is_an_error_of_the_lake(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`TenantOperator` ended in botocore's own error."""
    connect(config_kwargs={"retries": {"total_max_attempts": 1}})
    monkeypatch.setenv("LAKE_AWS_CONN_ID", "aws_other")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    current_settings.cache_clear()
    with pytest.raises(LakeUnavailable, match="Could not ask for the account of"):
        lake_address()
