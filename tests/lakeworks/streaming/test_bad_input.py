"""What producers send by mistake, from the command line to the quarantine: it stops nothing, and nothing of it is lost."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.streaming.conftest import Shop
from tests.lakeworks.streaming.test_pipeline import BRONZE, SILVER, close, event, here, of_stream, run

__all__ = ["command", "here", "of_stream"]
NOW = datetime.now(UTC)
FIRST = event(1, NOW)


def this_hour() -> Period:
    """The hour in which Kinesis takes what is put now. The tests were collected earlier, perhaps in another hour."""
    now = datetime.now(UTC)
    left = timedelta(hours=1) - timedelta(minutes=now.minute, seconds=now.second)
    if left < timedelta(seconds=15):
        sleep(left.total_seconds() + 1)
    return Period.containing(datetime.now(UTC), "hour")


@pytest.fixture
def environment(here: Shop, of_stream: Lake, moto_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        **settings_for(of_stream, moto_url), "LAKE_BUCKET": here.store.bucket, "LAKE_CONFIG_FILE": str(tmp_path / "lake.yml"),
    }  # fmt: skip


@pytest.fixture
def sent(command: Callable[..., Done], here: Shop, of_stream: Lake, environment: dict[str, str], tmp_path: Path) -> Any:
    """Put lines with the command, land them, publish their hour; return the rows in quarantine and the records' sums."""

    def send(*lines: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        file, hour = tmp_path / "events.jsonl", this_hour()
        file.write_text("".join(f"{line}\n" for line in (json.dumps(FIRST), *lines)))
        done = command("stream", "put", "commerce", str(file), "--key", "currency", **environment)
        assert done.returncode == 0, done.stderr
        assert f"{1 + len(lines)} records sent" in done.stdout
        close(here, hour.end)
        made = run(of_stream, here, hour, 1)
        shards = json.loads(command("stream", "status", "commerce", "--json", **environment).stdout)
        assert sum(shard["records"] for shard in shards) == made[BRONZE].balance.read == 1 + len(lines), "every record"
        shown = command("quarantine", "show", SILVER, str(hour), "--json", **environment)
        rows = json.loads(shown.stdout) if made[SILVER].balance.quarantined else []
        balance = made[SILVER].balance
        assert balance.read == balance.staged + balance.quarantined + balance.deduplicated
        return rows, {"problems": sum(shard["problems"] for shard in shards), **balance.model_dump()}

    return send


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("no json", "The record is no JSON object"),
        (json.dumps([1]), "The record is no JSON object"),
        ('{"event_id": NaN}', "The record is no JSON object"),
        (json.dumps(event(2, NOW, location_id=1)), "location_id"),
        (json.dumps(event(2, NOW + timedelta(days=365))), "a clock is wrong"),
        (json.dumps({**FIRST, "amount": "9.99"}), "arrived before with another content"),
        (json.dumps(event(2, NOW, amount=None)), "lacks its order, amount or currency"),
    ],
    ids=["no JSON", "no object", "no number", "another shop", "next year", "same id", "no amount"],
)  # fmt: skip
def test_what_is_wrong_is_kept_with_its_reason(sent: Any, line: str, reason: str) -> None:
    rows, sums = sent(line)
    assert len(rows) == 1
    assert reason in json.dumps(rows[0]), rows[0]
    assert (sums["staged"], sums["quarantined"]) == (1, 1)


def test_an_event_that_is_put_twice_is_one(sent: Any) -> None:
    rows, sums = sent(json.dumps(FIRST))
    assert (rows, sums["staged"], sums["deduplicated"]) == ([], 1, 1)


def test_a_clock_that_jumps_back_puts_the_event_into_its_own_hour(sent: Any, of_stream: Lake) -> None:
    rows, sums = sent(json.dumps(event(2, NOW - timedelta(days=40))))
    assert (rows, sums["staged"]) == ([], 2)
