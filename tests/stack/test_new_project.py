"""A stranger's first hour: the wheel alone in an empty environment, `lakeworks init`, `make test`, `make up`, an answer from gold."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.stack
ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, folder: Path, environment: dict[str, str], seconds: float = 400) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A person's shell with `uv`, and the wheel where `pip` and `uv` look for it; nothing of this checkout."""
    wheels = tmp_path_factory.mktemp("wheels")
    uv = Path(sys.executable).with_name("uv")
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("LAKE_", "AIRFLOW", "AWS_", "PYTHON"))
    }
    kept.pop("VIRTUAL_ENV", None)
    tools = tmp_path_factory.mktemp("bin")
    (tools / "uv").symlink_to(uv)
    system = [part for part in kept["PATH"].split(":") if not part.startswith(str(ROOT))]
    # its own pytest takes the rights of the common temporary folder back, which others' PostgreSQL needs
    kept["PYTEST_DEBUG_TEMPROOT"] = str(tmp_path_factory.mktemp("pytest"))
    found = {
        **kept,
        "PATH": ":".join([str(tools), *system]),
        "UV_FIND_LINKS": str(wheels),
        "PIP_FIND_LINKS": str(wheels),
    }
    run(str(uv), "build", "--wheel", "-q", "-o", str(wheels), str(ROOT), folder=ROOT, environment=found)
    return found


@pytest.fixture(scope="module")
def project(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project made by the installed command; its Makefile has installed it."""
    home = tmp_path_factory.mktemp("home")
    run(sys.executable, "-m", "venv", str(home / "venv"), folder=home, environment=environment)
    python = str(home / "venv/bin/python")
    wheel = next(Path(environment["UV_FIND_LINKS"]).glob("*.whl"))
    run("uv", "pip", "install", "-q", "--python", python, str(wheel), folder=home, environment=environment)
    run(str(home / "venv/bin/lakeworks"), "init", "my-lake", folder=home, environment=environment)
    root = home / "my-lake"
    run("make", "setup", f"PYTHON={sys.executable}", folder=root, environment=environment)
    yield root
    subprocess.run(["make", "down"], cwd=root, env=environment, capture_output=True, check=False, timeout=60)


PARSE = """
import sys
import lakeworks, lakeworks_airflow
assert "site-packages" in lakeworks.__file__ and "site-packages" in lakeworks_airflow.__file__
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
assert not bag.import_errors, bag.import_errors
print(len(bag.dags), "DAGs")
"""


def test_every_dag_of_this_repository_parses_with_the_wheel_alone(
    project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """Non-editable, beside Airflow, as a deployment installs it."""
    for name in ("dags", "include/lake"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "lake.yml", tmp_path)
    home = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite://",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "LAKE_PROJECT": str(tmp_path), "LAKE_BUCKET": "a-bucket", "LAKE_REGION": "eu-central-1",
    }  # fmt: skip
    python, dags = str(project / ".venv/bin/python"), str(tmp_path / "dags")
    shown = run(python, "-c", PARSE, dags, folder=tmp_path, environment={**environment, **home})
    assert int(shown.split()[-2]) >= 22


def test_the_projects_own_tests_pass(project: Path, environment: dict[str, str]) -> None:
    assert "7 passed" in run("make", "test", folder=project, environment=environment)


def test_make_up_publishes_gold_and_leaves_it_to_look_at(project: Path, environment: dict[str, str]) -> None:
    shown = run("make", "up", folder=project, environment=environment)
    assert "What did the shop earn?" in shown
    assert "gold.shop.daily_revenue" in shown
    script = (
        "set -a; . .local/up/stack.env; set +a; "
        '.venv/bin/lakeworks sql "SELECT sum(revenue_eur) AS earned FROM gold_shop.daily_revenue" --json'
    )
    (row,) = json.loads(run("sh", "-c", script, folder=project, environment=environment))
    assert float(row["earned"]) == 324.35
    assert "airflow-scheduler" in run("make", "down", folder=project, environment=environment)
