"""Deployments as far as a machine without an engine can tell: compose with and without stand-ins, Kubernetes' files, Astronomer's."""

import io
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dotenv import dotenv_values

from lakeworks.streaming.consumer import LeasePolicy
from tests.support.compose_file import ComposeRefused, composed

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "docker-compose.yml"
KUBERNETES = ROOT / "docker" / "kubernetes"
VALUES: dict[str, Any] = yaml.safe_load((KUBERNETES / "values.yaml").read_text())
PODS = sorted((KUBERNETES / "pods").glob("*.yaml"))
AIRFLOW = {"postgres", "migrate", "api-server", "scheduler", "dag-processor", "triggerer"}
STEPS = {"fetch", "write", "audit", "publish"}


def environment(tmp_path: Path, profile: str, **added: str) -> dict[str, str]:
    """The `.env` that `make env` writes, with what a person adds."""
    target = tmp_path / profile
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'docker')!r}); from new_env import main; from pathlib import Path; sys.exit(main(Path({str(target)!r}), {profile!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    values = dotenv_values(stream=io.StringIO(target.read_text()), interpolate=False)
    return {key: value or "" for key, value in values.items()} | added


# docker-compose


def test_the_profile_local_starts_the_stand_ins(tmp_path: Path) -> None:
    services = composed(COMPOSE, environment(tmp_path, "local"))
    assert set(services) == AIRFLOW | {"ministack", "replay"}
    assert "ministack:4566" in services["scheduler"]["environment"]["AIRFLOW_CONN_AWS_DEFAULT"]


def test_without_it_nothing_waits_for_a_stand_in_or_is_sent_to_one(tmp_path: Path) -> None:
    services = composed(COMPOSE, environment(tmp_path, "aws"))
    assert set(services) == AIRFLOW
    for service in services.values():
        texts = [str(value) for value in service["environment"].values()]
        assert not [text for text in texts if "ministack" in text or "replay" in text or '"test"' in text]
    assert not {name for name in services["scheduler"]["environment"] if name.startswith("AWS_")}, (
        "boto3 looks for a role"
    )


def test_the_profile_stream_starts_consumers_that_may_drain(tmp_path: Path) -> None:
    given = environment(tmp_path, "aws", COMPOSE_PROFILES="stream", STREAM_NAME="shop", AWS_PROFILE="lake")
    services = composed(COMPOSE, given)
    assert set(services) == AIRFLOW | {"stream"}
    stream = services["stream"]
    assert (stream["entrypoint"], stream["command"]) == (["lakeworks"], ["stream", "run", "shop"])
    assert (stream["stop_signal"], stream["stop_grace_period"]) == ("SIGTERM", "2m")
    assert stream["environment"] == services["scheduler"]["environment"], "the same lake, and the same credentials"
    assert stream["restart"] == "unless-stopped"
    assert set(composed(COMPOSE, given | {"COMPOSE_PROFILES": "local,stream"})) == {*services, "ministack", "replay"}


def test_the_unit_of_systemd_runs_a_command_that_exists_and_lets_it_drain() -> None:
    unit = ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "docker" / "systemd" / "lakeworks-stream@.service")
    service = unit["Service"]
    assert service["ExecStart"].endswith("/lakeworks stream run %i")
    assert (service["KillSignal"], service["Restart"]) == ("SIGTERM", "always")
    assert int(service["TimeoutStopSec"]) > LeasePolicy().lease_seconds, "else another process takes over meanwhile"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0", "systemd would give up after five failures"


def test_kubernetes_consumers_have_the_lake_and_time_to_drain() -> None:
    deployment = yaml.safe_load((KUBERNETES / "stream.yaml").read_text())
    assert kubernetes_validate.validate(deployment, "1.37", strict=True)
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert [*container["command"], *container["args"]] == ["lakeworks", "stream", "run", "commerce"]
    assert pod["terminationGracePeriodSeconds"] > LeasePolicy().lease_seconds
    assert container["envFrom"] == yaml.safe_load(VALUES["extraEnvFrom"])
    assert container["image"] == "{repository}:{tag}".format(**VALUES["images"]["airflow"])
    assert deployment["spec"]["selector"]["matchLabels"] == deployment["spec"]["template"]["metadata"]["labels"]


def test_credentials_a_profile_and_a_lake_yml_get_in(tmp_path: Path) -> None:
    folder, declared = tmp_path / ".aws", tmp_path / "our lake.yml"
    folder.mkdir()
    declared.write_text("environment: prod\n")
    added = {
        "AWS_PROFILE": "lake",
        "AWS_CONFIG_FOLDER": str(folder),
        "LAKE_CONFIG_FILE": str(declared),
        "AIRFLOW_UID": "1000",
    }
    services = composed(COMPOSE, environment(tmp_path, "aws", **added))
    for name in AIRFLOW - {"postgres"}:
        service = services[name]
        mounts = {mount["target"]: mount for mount in service["volumes"]}
        assert mounts["/home/airflow/.aws"] == {
            "type": "bind",
            "source": str(folder),
            "target": "/home/airflow/.aws",
            "read_only": True,
        }
        assert mounts[service["environment"]["LAKE_CONFIG_FILE"]]["source"] == str(declared)
        assert (service["environment"]["AWS_PROFILE"], service["user"]) == ("lake", "1000:0")


def test_keys_get_in_without_a_profile(tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    services = composed(COMPOSE, environment(tmp_path, "aws", **keys))
    assert keys.items() <= services["scheduler"]["environment"].items()
    assert "AWS_PROFILE" not in services["scheduler"]["environment"], "an empty one would be a profile's name"


def test_compose_would_refuse_a_missing_file_and_an_empty_secret(tmp_path: Path) -> None:
    given = environment(tmp_path, "aws")
    with pytest.raises(ComposeRefused, match=r"there is no ./prod.yml"):
        composed(COMPOSE, given | {"LAKE_CONFIG_FILE": "./prod.yml"})
    with pytest.raises(ComposeRefused, match="AIRFLOW__CORE__FERNET_KEY is missing"):
        composed(COMPOSE, given | {"AIRFLOW__CORE__FERNET_KEY": ""})


def test_a_service_that_waits_for_a_profile_that_is_off_is_refused(tmp_path: Path) -> None:
    """The state before the profiles: the comment said to remove the stand-ins, and everything waited for them."""
    before = COMPOSE.read_text().replace(", required: false", "")
    (tmp_path / "compose.yml").write_text(before)
    (tmp_path / "lake.yml").touch()
    (tmp_path / "docker" / "aws").mkdir(parents=True)
    with pytest.raises(ComposeRefused, match="depends on ministack, whose profile is off"):
        composed(tmp_path / "compose.yml", environment(tmp_path, "aws"))


def test_an_unknown_profile_writes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docker" / "new_env.py"), "azure"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, "`azure` is no profile" in done.stderr) == (2, True)


# Kubernetes


@pytest.mark.parametrize("path", PODS, ids=lambda path: path.stem)
def test_a_pod_is_one_by_kubernetes_schema(path: Path) -> None:
    pod = yaml.safe_load(path.read_text())
    assert kubernetes_validate.validate(pod, "1.37", strict=True)
    (base,) = pod["spec"]["containers"]
    assert base["name"] == "base", "the executor fills in the container of this name"
    assert pod["spec"]["restartPolicy"] == "Never", "Airflow retries, not Kubernetes"
    assert pod["spec"]["serviceAccountName"] == VALUES["workers"]["serviceAccount"]["name"]
    mounted = {mount["name"] for mount in base["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}


def test_a_pod_that_is_none_is_noticed() -> None:
    pod = yaml.safe_load(PODS[0].read_text())
    pod["spec"]["containers"][0]["resource"] = pod["spec"]["containers"][0].pop("resources")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, "1.37", strict=True)


def test_pods_differ_in_their_size_only() -> None:
    bare = []
    for path in PODS:
        pod = yaml.safe_load(path.read_text())
        (base,) = pod["spec"]["containers"]
        resources = base.pop("resources")
        asked = _bytes(next(item["value"] for item in base["env"] if item["name"] == "LAKE_MEMORY_LIMIT"))
        assert asked < _bytes(resources["requests"]["memory"]) <= _bytes(resources["limits"]["memory"])
        (scratch,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "scratch"]
        assert scratch.pop("emptyDir") == {"sizeLimit": resources["limits"]["ephemeral-storage"]}
        base["env"] = [item["name"] for item in base["env"]]
        bare.append(pod)
    assert {path.stem for path in PODS} == STEPS | {"other"}
    assert all(pod == bare[0] for pod in bare)


def _bytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(\w+)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"MB": 10**6, "GB": 10**9, "Mi": 2**20, "Gi": 2**30}[unit]


def test_the_values_give_pods_and_parts_the_same_lake() -> None:
    config = VALUES["config"]
    inside = {f"/opt/lakeworks/{path.relative_to(ROOT)}" for path in PODS}
    assert config["kubernetes_executor"]["pod_template_file"] in inside
    settings = yaml.safe_load(VALUES["extraConfigMaps"]["lakeworks"]["data"])
    assert {"LAKE_BUCKET", "LAKE_REGION", "LAKE_PROJECT", "LAKE_SCRATCH_DIR"} <= set(settings)
    assert all(isinstance(value, str) for value in settings.values()), "a ConfigMap has texts only"
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lakeworks"}, "data": settings}
    assert kubernetes_validate.validate(config_map, "1.37", strict=True)
    sources = yaml.safe_load(VALUES["extraEnvFrom"])
    assert sources == yaml.safe_load(PODS[0].read_text())["spec"]["containers"][0]["envFrom"]
    mounts = {
        mount["mountPath"] for mount in yaml.safe_load(PODS[0].read_text())["spec"]["containers"][0]["volumeMounts"]
    }
    assert settings["LAKE_SCRATCH_DIR"] in mounts


def test_the_values_make_no_secret_and_name_one_version() -> None:
    for name in ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName"):
        assert VALUES[name], f"without {name} the chart makes another secret at every upgrade"
    assert not VALUES["postgresql"]["enabled"]
    assert VALUES["data"]["metadataSecretName"]
    assert f"apache-airflow=={VALUES['airflowVersion']}\n" in (ROOT / "requirements.lock").read_text()
    image = VALUES["images"]["airflow"]
    executor = VALUES["config"]["kubernetes_executor"]
    assert (image["repository"], image["tag"]) == (
        executor["worker_container_repository"],
        executor["worker_container_tag"],
    )
    for part in ("workers", "triggerer", "apiServer", "scheduler"):
        role = VALUES[part]["serviceAccount"]["annotations"]["eks.amazonaws.com/role-arn"]
        assert re.fullmatch(r"arn:aws:iam::\d{12}:role/[\w-]+", role)


def test_astronomers_image_gets_the_wheel_by_its_version() -> None:
    dockerfile = (ROOT / "docker" / "astronomer" / "Dockerfile").read_text()
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert f"lakeworks-{version[1]}-py3-none-any.whl" in dockerfile
    assert re.search(r"^FROM \S+/runtime:3\.3-\d+$", dockerfile, re.MULTILINE), "an exact version of Airflow 3.3"
