"""`lakeworks stream` as a person uses it: put, run as a process of its own, SIGTERM, status, size."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeworks.lake import Lake
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.streaming.conftest import Shop

__all__ = ["command"]
Command = Callable[..., Done]


@pytest.fixture
def here(shop: Callable[..., Shop]) -> Shop:
    return shop(2)


@pytest.fixture
def environment(here: Shop, lake: Lake, moto_url: str, tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "lake.yml"
    config.write_text(f"streams: [{{name: shop, kinesis_name: {here.stream.name}, domain: commerce}}]\n")
    return {**settings_for(lake, moto_url), "LAKE_BUCKET": here.store.bucket, "LAKE_CONFIG_FILE": str(config)}


def test_lines_are_put_landed_by_a_process_and_counted(
    command: Command, here: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    lines = [json.dumps({"event_id": f"e{number}", "customer_id": number}) for number in range(40)]
    file.write_text("\n".join([*lines, "", "no json"]) + "\n")
    done = command("stream", "put", "shop", str(file), "--json", **environment)
    assert (done.returncode, json.loads(done.stdout)["sent"]) == (0, 41)
    run = [str(Path(sys.executable).parent / "lakeworks"), "stream", "run", "shop", "--max-age", "3600"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LAKE_", "AWS_"))}
    base = {**clean, "LAKE_ENV_FILE": "off", "AWS_DEFAULT_REGION": "us-east-1", **environment}
    process = subprocess.Popen(run, env=base, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while sum(bool(one.owner) for one in here.table.all().values()) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert "drained" in process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 0
    assert len(here.landed()) == 41, "SIGTERM lands what was read, though it is not old"
    shown = json.loads(command("stream", "status", "shop", "--json", **environment).stdout)
    assert (sum(one["records"] for one in shown), sum(one["problems"] for one in shown)) == (41, 1)
    assert {one["state"] for one in shown} == {"free"}


def test_a_line_that_is_too_large_stops_the_command_or_is_kept(
    command: Command, here: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    file, refused = tmp_path / "events.jsonl", tmp_path / "refused.jsonl"
    large = json.dumps({"customer_id": 1, "text": "x" * (1 << 20)})
    file.write_text(f'{{"customer_id": 1}}\n{large}\n{{"customer_id": 2}}\n')
    stopped = command("stream", "put", "shop", str(file), **environment)
    assert (stopped.returncode, "Line 2 of" in stopped.stderr) == (1, True)
    went_on = command("stream", "put", "shop", str(file), "--refused", str(refused), "--json", **environment)
    answer = json.loads(went_on.stdout)
    assert (went_on.returncode, answer["sent"], answer["refused"]) == (1, 2, 1)
    assert refused.read_text() == f"{large}\n"


def test_a_stream_that_lake_yml_does_not_declare_and_a_size(
    command: Command, here: Shop, environment: dict[str, str]
) -> None:
    done = command("stream", "run", "shoop", **environment)
    assert (done.returncode, "Did you mean `shop`?" in done.stderr) == (1, True)
    done = command("stream", "size", "--records-per-s", "3000", "--bytes", "700", "--json", **environment)
    assert json.loads(done.stdout)["shards"] == 3
