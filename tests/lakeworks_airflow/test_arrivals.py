"""Which runs begin for what was dropped."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from lakeworks.errors import ConfigError
from lakeworks.infrastructure.inbox_events import InboxEvents, load_inbox_events
from lakeworks_airflow.inbox_schedule import inbox_arrivals
from lakeworks_airflow.operators.arrivals import ArrivedRunsOperator

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
DAGS = {"bronze.commerce.events": "commerce_events"}


def event(seconds: float, *drops: tuple[str | None, str, str, str]) -> Any:
    found = [
        {"tenant": tenant, "dataset": dataset, "period": period, "files": 1, "token": token}
        for tenant, dataset, period, token in drops
    ]
    extra = {"from_trigger": True, "payload": {"drops": found}}
    return SimpleNamespace(timestamp=NOW + timedelta(seconds=seconds), extra=extra)


class Stored:
    """The events of an asset as Airflow hands them to a task."""

    def __init__(self, events: list[Any]) -> None:
        self.events = events

    def __getitem__(self, asset: Any) -> "Stored":
        assert asset.name == "inbox"
        return self

    def after(self, moment: str) -> list[Any]:
        return [found for found in self.events if found.timestamp > datetime.fromisoformat(moment)]


def runs(given: list[Any], stored: list[Any]) -> list[tuple[str, str, dict[str, str]]]:
    operator = ArrivedRunsOperator(task_id="arrived", dags=DAGS)
    context: Any = {"triggering_asset_events": {"inbox": given}, "inlet_events": Stored(stored)}
    return [(run["trigger_dag_id"], run["trigger_run_id"], run["conf"]) for run in operator.execute(context)]


def test_a_drop_is_one_run_however_often_it_is_named() -> None:
    first = event(0, (None, "commerce_events", "2017-01-05", "abc"))
    conf = {"from": "2017-01-05", "to": "2017-01-05"}
    assert runs([first, first], [first]) == [("commerce_events", "inbox__2017-01-05__abc", conf)]


def test_an_event_stored_while_the_run_began_is_not_forgotten() -> None:
    """Two drops within a tenth of a second: Airflow gave the run the first only, and the second started nothing."""
    long_ago = event(-3600, (None, "commerce_events", "2017-01-01", "old"))
    first = event(0, (None, "commerce_events", "2017-01-05", "abc"))
    second = event(0.1, (None, "commerce_events", "2017-01-06", "def"))
    ids = [run_id for _, run_id, _ in runs([first], [long_ago, first, second])]
    assert ids == ["inbox__2017-01-05__abc", "inbox__2017-01-06__def"]


def test_a_tenants_drop_starts_the_tenants_dag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_TENANTS", "acme")
    drops = event(
        0, ("acme", "commerce_events", "2017-01-05", "abc"), ("globex", "commerce_events", "2017-01-05", "abc")
    )
    assert [dag for dag, _, _ in runs([drops], [])] == ["commerce_events__acme"]


def test_drops_of_no_dag_start_nothing_and_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AirflowSkipException):
        runs([event(0, (None, "meter_readings", "2017-01-05", "abc"))], [])
    assert "No DAG takes inbox/meter_readings/2017-01-05" in caplog.text


def test_the_schedule_is_there_only_with_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lake.yml"
    monkeypatch.setenv("LAKE_CONFIG_FILE", str(file))
    file.write_text("project: shop\n")
    assert inbox_arrivals() is None
    file.write_text("inbox_events: {queue: 'arn:aws:sqs:eu-west-1:123456789012:drops', settle_seconds: 5}\n")
    (asset,) = inbox_arrivals() or []
    assert asset.watchers[0].trigger.serialize()[1]["settle_seconds"] == 5
    file.write_text("inbox_events: {que: x}\n")
    with pytest.raises(ConfigError, match="lake.yml`: inbox_events: `que`"):
        inbox_arrivals()


def test_a_queue_is_named_after_the_bucket_or_by_its_arn() -> None:
    made, theirs = InboxEvents(), InboxEvents(queue="arn:aws:sqs:eu-west-1:123456789012:drops")
    assert (made.name("acme.lake"), made.is_ours, made.account, made.region) == ("acme-lake-inbox", True, None, None)
    assert (theirs.name("acme"), theirs.is_ours) == ("drops", False)
    assert (theirs.account, theirs.region) == ("123456789012", "eu-west-1")
    with pytest.raises(ValueError, match="queue"):
        InboxEvents(queue="no such name")
    assert load_inbox_events(Path("lake.example.yml")) == InboxEvents(queue="acme-dev-inbox", settle_seconds=3)
