"""Whatever is set wrongly, a person reads one message that names it, and programs get the exit code of its kind."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from lakeworks import cli
from lakeworks.cli.failure import report
from lakeworks.errors import LostRace
from tests.lakeworks.cli.test_cli import Done, command

__all__ = ["command"]
LAKE = {
    "LAKE_BUCKET": "a-lake", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
}  # fmt: skip


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Settings by which a client is made; nothing answers at the address."""
    return LAKE | {"LAKE_SCRATCH_DIR": str(tmp_path)}


@pytest.fixture(autouse=True)
def _variables_of_the_file() -> Iterator[None]:
    """Forget what a `.env` set."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def one_message(done: Done) -> str:
    """The message; there is no traceback around it."""
    assert (done.stdout, "Traceback" in done.stderr, done.stderr.count("(must be corrected)")) == ("", False, 1), (
        done.stderr
    )
    return done.stderr


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"AWS_PROFILE": "nosuch"}, "profile (nosuch) could not be found"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "Invalid endpoint: nonsense"),
        ({"AWS_ENDPOINT_URL_GLUE": "nonsense"}, "Invalid endpoint: nonsense"),
        ({"LAKE_REGION": "mars north"}, "mars north"),
        ({"LAKE_BUCKET": ""}, "LAKE_BUCKET: Field required"),
        ({"LAKE_THREADS": "many"}, "LAKE_THREADS: Input should be a valid integer"),
        ({"LAKE_SCRATCH_DIR": "/proc/nowhere"}, "LAKE_SCRATCH_DIR `/proc/nowhere` cannot be made"),
        ({"LAKE_CONFIG_FILE": "/nowhere/lake.yml"}, "/nowhere/lake.yml"),
        ({"LAKE_ENV_FILE": "/nowhere/.env"}, "LAKE_ENV_FILE is `/nowhere/.env`"),
        ({"LAKE_PROJECT": "/nowhere"}, "LAKE_PROJECT is `/nowhere`"),
    ],
)
def test_a_wrong_setting_is_one_message(
    command: Callable[..., Done], environment: dict[str, str], wrong: dict[str, str], says: str
) -> None:
    done = command("ledger", "reference.transport.zones", **environment | wrong)
    assert (done.returncode, says in one_message(done)) == (1, True), done.stderr


def test_a_wrong_address_of_airflow_is_no_reason_to_retry(
    command: Callable[..., Done], environment: dict[str, str]
) -> None:
    done = command("backfill", "list", **environment | {"LAKE_AIRFLOW_URL": "nonsense"})
    assert (done.returncode, "LAKE_AIRFLOW_URL" in one_message(done)) == (1, True)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("AWS_CONFIG_FILE", "[profile a\nregion = x", "Unable to parse config file"),
        ("LAKE_CONFIG_FILE", "project: [", "is no YAML"),
        ("LAKE_ENV_FILE", "A=1\nthis is no line\n", "line 2 is not NAME=value"),
        ("LAKE_ENV_FILE", b"A=\xff\n", "cannot be read"),
    ],
)
def test_a_broken_file_is_named(
    command: Callable[..., Done],
    environment: dict[str, str],
    tmp_path: Path,
    name: str,
    content: str | bytes,
    says: str,
) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = command("ledger", "reference.transport.zones", **environment | {name: str(path)})
    assert (done.returncode, says in one_message(done), str(path) in done.stderr) == (1, True, True), done.stderr


def test_a_server_that_does_not_answer_can_be_tried_again(
    command: Callable[..., Done], environment: dict[str, str]
) -> None:
    done = command("ledger", "reference.transport.zones", **environment)
    assert (done.returncode, "LakeUnavailable (can be tried again)" in done.stderr) == (75, True)


def test_the_env_file_sets_what_the_environment_does_not(
    command: Callable[..., Done], environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "settings"
    file.write_text("LAKE_BUCKET=from-the-file\nLAKE_TENANT=\nAWS_PROFILE=nosuch\n")
    named = {name: value for name, value in environment.items() if name != "LAKE_BUCKET"} | {"LAKE_ENV_FILE": str(file)}
    assert "nosuch" in one_message(command("ledger", **named)), "AWS settings are read, too"
    # S3 takes no such name: the command names it at once, where a server that is away would be tried for seconds
    file.write_text("LAKE_BUCKET=from/the/file\nAIRFLOW__CORE__FERNET_KEY=secret\n")
    assert "from/the/file" in command("ledger", **named).stderr
    assert "AIRFLOW__CORE__FERNET_KEY" not in os.environ, "the others are for docker-compose"
    assert "of/the/environment" in command("ledger", **named | {"LAKE_BUCKET": "of/the/environment"}).stderr


def test_the_env_file_of_the_project_is_found(
    command: Callable[..., Done], environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "lake.yml").write_text("")
    (tmp_path / ".env").write_text("LAKE_THREADS=many\n")
    done = command("ledger", **environment | {"LAKE_PROJECT": str(tmp_path), "LAKE_ENV_FILE": ""})
    assert "LAKE_THREADS" in one_message(done)


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (botocore.exceptions.NoRegionError(), "ConfigError", 1),
        (botocore.exceptions.SSOTokenLoadError(error_msg="expired"), "LakeAccessDenied", 1),
        (
            botocore.exceptions.CredentialRetrievalError(provider="custom-process", error_msg="gone"),
            "LakeAccessDenied",
            1,
        ),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="http://x"), "LakeUnavailable", 75),
        (PermissionError(13, "Permission denied", "/secret"), "ConfigError", 1),
        (LostRace("another was first"), "LostRace", 75),
        (KeyError("x"), "Unexpected", 1),
    ],
)
def test_any_error_is_one_message(error: Exception, kind: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(error) == code
    assert capsys.readouterr().err.startswith(f"{kind} (")


def test_an_unforeseen_error_shows_its_traceback_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("of the program")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit):
        cli.main()
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("LAKE_TRACEBACK", "1")
    with pytest.raises(SystemExit):
        cli.main()
    assert "Traceback" in capsys.readouterr().err
