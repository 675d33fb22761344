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
