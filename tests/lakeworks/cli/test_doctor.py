"""`lakeworks doctor` as a person and a program use it."""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.lakeworks.cli.test_cli import Done, command

__all__ = ["command"]


@pytest.fixture
def environment(moto_url: str, tmp_path: Path) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "AWS_ENDPOINT_URL": moto_url}
    # A proxy that refuses: no vendor is asked by a test.
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": ""}
    return {
        "LAKE_BUCKET": f"doctor-{uuid4().hex[:12]}",
        "LAKE_SCRATCH_DIR": str(tmp_path / "scratch"),
        **keys,
        **nowhere,
    }


def test_a_person_gets_a_line_a_check_with_the_remedy_and_a_program_json(
    command: Callable[..., Done], environment: dict[str, str]
) -> None:
    done = command("doctor", **environment)
    lines = done.stdout.splitlines()
    assert done.returncode == 1, "there is no bucket"
    assert lines[0].startswith("ok      clock: within")
    (missing,) = [line for line in lines if line.startswith(f"failure bucket {environment['LAKE_BUCKET']}")]
    assert "→ Run `lakeworks bootstrap`" in missing
    assert any(line.startswith("skipped versioning") for line in lines)
    assert any(line.startswith("failure salt: LAKE_PII_SALT is not set") for line in lines)
    assert any(line.startswith("failure source sec: ") for line in lines)
    assert "This endpoint is not AWS. It cannot prove: " in lines[-1]
    rows = {row["check"]: row for row in json.loads(command("doctor", "--json", **environment).stdout)}
    assert (rows["clock"]["state"], rows["salt"]["remedy"][:12]) == ("ok", "Set a secret")
    assert len(rows) == len(lines) - 2
