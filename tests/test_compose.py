"""docker-compose.yml as far as a machine without an engine can tell."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakeworks.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
EXAMPLE = (ROOT / ".env.example").read_text()
NAMED = set(re.findall(r"^#? ?([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))


def test_the_whole_system_is_there() -> None:
    assert set(COMPOSE["services"]) == {
        "postgres", "migrate", "api-server", "scheduler", "dag-processor", "triggerer", "ministack", "replay",
    }  # fmt: skip


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_is_pinned_and_watched(name: str) -> None:
    service = COMPOSE["services"][name]
    assert re.search(r":\d+\.\d+", service["image"]), "an exact version"
    assert service["healthcheck"]["test"]


def test_services_wait_for_what_exists() -> None:
    for name, service in COMPOSE["services"].items():
        for other, how in (service.get("depends_on") or {}).items():
            assert other in COMPOSE["services"], name
            assert how["condition"] in ("service_healthy", "service_completed_successfully")


def test_every_variable_is_in_the_example_and_every_setting_is_documented() -> None:
    used = set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert used <= NAMED
    assert {f"LAKE_{name.upper()}" for name in Settings.model_fields} == {
        name for name in NAMED if name.startswith("LAKE_")
    }


def test_every_setting_reaches_the_services() -> None:
    environment = COMPOSE["services"]["scheduler"]["environment"]
    assert {f"LAKE_{name.upper()}" for name in Settings.model_fields} <= set(environment)


def test_an_empty_variable_is_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_BUCKET", "a-bucket")
    monkeypatch.setenv("LAKE_KMS_KEY_ID", "")
    assert Settings().kms_key_id is None


def test_the_image_installs_the_lock_and_the_same_airflow() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    version = re.search(r"apache/airflow:([\d.]+)", dockerfile)
    assert version
    assert f"apache-airflow=={version[1]}\n" in (ROOT / "requirements.lock").read_text()
    assert "requirements.lock" in dockerfile


def test_the_lock_holds_every_direct_pin() -> None:
    lock = (ROOT / "requirements.lock").read_text().lower()
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9_.-]+)(?:\[.*\])?==([\w.]+)", line):
            assert f"{match[1].lower().replace('_', '-')}=={match[2].lower()}" in lock, line
