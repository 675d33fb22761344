"""`streams:` of lake.yml: made, read back, corrected, and never shortened."""

import uuid
from typing import Any

import pytest

from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.plan_apply import ResourceChange
from lakeworks.infrastructure.resources.stream import stream_resources
from tests.conftest import client


def applied(url: str, **stream: Any) -> list[ResourceChange]:
    config = LakeConfig.model_validate(
        {
            "environment": stream.pop("environment"),
            "streams": [{"name": "shop", "live_view": {"compare_with": "SELECT 1"}, **stream}],
        }
    )
    return list(engine.apply(list(stream_resources(config)), lambda service, region=None: client(service, url)))


@pytest.mark.parametrize("server", ["moto_url", "ministack_url"])
def test_a_stream_and_its_tables_are_made_read_back_and_corrected(server: str, request: pytest.FixtureRequest) -> None:
    url, place = request.getfixturevalue(server), f"e{uuid.uuid4().hex[:6]}"
    first = applied(url, environment=place, shards=2, retention_hours=48)
    assert [(change.kind, change.outcome) for change in first] == [
        ("stream", "created"), ("stream table", "created"), ("stream table", "created"),
    ], first  # fmt: skip
    assert {change.outcome for change in applied(url, environment=place, shards=2, retention_hours=48)} == {"unchanged"}
    longer = applied(url, environment=place, shards=2, retention_hours=72)
    assert [change.outcome for change in longer] == ["changed", "unchanged", "unchanged"]
    shorter = applied(url, environment=place, shards=2, retention_hours=24)
    assert (shorter[0].outcome, "would delete records" in shorter[0].detail) == ("foreign", True)
    live = client("dynamodb", url).describe_time_to_live(TableName=f"lakeworks-{place}-shop-live")
    assert live["TimeToLiveDescription"]["AttributeName"] == "expires_at"


@pytest.mark.parametrize("server", ["moto_url", "ministack_url"])
def test_alarms_on_age_and_throttled_requests_are_made_read_back_and_corrected(
    server: str, request: pytest.FixtureRequest
) -> None:
    url, place = request.getfixturevalue(server), f"e{uuid.uuid4().hex[:6]}"
    topic = "arn:aws:sns:us-east-1:123456789012:streams"
    wish: dict[str, Any] = {"environment": place, "shards": 1, "alarms": {"topic_arn": topic}}
    made = [change for change in applied(url, **wish) if change.kind == "stream alarm"]
    assert [(change.name, change.outcome) for change in made] == [
        (f"lakeworks-{place}-shop-{end}", "created") for end in ("age", "throttled-writes", "throttled-reads")
    ]
    assert {change.outcome for change in applied(url, **wish)} == {"unchanged"}
    later = [change.outcome for change in applied(url, **wish, max_lag_minutes=30) if change.kind == "stream alarm"]
    assert later == ["changed", "unchanged", "unchanged"], "the limit is that of `lakeworks freshness`"
    (age,) = client("cloudwatch", url).describe_alarms(AlarmNames=[f"lakeworks-{place}-shop-age"])["MetricAlarms"]
    assert (age["Threshold"], age["AlarmActions"], age["TreatMissingData"]) == (30 * 60_000, [topic], "breaching")


def test_a_stream_of_others_is_left_alone(moto_url: str) -> None:
    place = f"e{uuid.uuid4().hex[:6]}"
    client("kinesis", moto_url).create_stream(StreamName=f"lakeworks-{place}-shop", ShardCount=1)
    first = applied(moto_url, environment=place, shards=1)[0]
    assert (first.outcome, "did not make" in first.detail) == ("foreign", True)


def test_two_streams_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two streams have one name"):
        LakeConfig.model_validate({"streams": [{"name": "a"}, {"name": "a"}]})
