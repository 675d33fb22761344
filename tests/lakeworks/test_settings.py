"""The deployment's settings: a secret among them is neither shown nor accepted too short."""

import pytest

from lakeworks.errors import ConfigError
from lakeworks.settings import Settings, current_settings


@pytest.fixture(autouse=True)
def _bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_BUCKET", "a-bucket")
    current_settings.cache_clear()


def test_the_salt_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PII_SALT", "pepper and salt and more")
    found = Settings()
    assert "pepper" not in f"{found!r} {found} {found.model_dump_json()}"
    assert found.pii_salt is not None
    assert found.pii_salt.get_secret_value() == "pepper and salt and more"


def test_a_short_salt_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PII_SALT", "pepper")
    with pytest.raises(ConfigError, match=r"LAKE_PII_SALT: .*at least 16") as raised:
        current_settings()
    assert "pepper" not in str(raised.value)
    current_settings.cache_clear()


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"LAKE_REGION": "eu-west-1", "AWS_REGION": "eu-central-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "us-west-2"}, "eu-central-1"),
        ({"LAKE_REGION": "", "AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
    ],
)
def test_the_region_is_the_lakes_own_then_the_machines(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], region: str
) -> None:
    for name in ("LAKE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings().region == region


def test_no_region_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """us-east-1 was, in silence: bucket, databases and work group of a European team were made in the United States."""
    for name in ("LAKE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=r"LAKE_REGION: .*no region is set; set it, or AWS_REGION"):
        current_settings()
