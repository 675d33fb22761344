"""`streams:` of lake.yml: made, read back, corrected, and never shortened."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.plan_apply import ResourceChange
from lakeworks.infrastructure.resources.streams.stream import stream_resources
from lakeworks.streaming.fan_out.fan_out_reader import find_consumer
from tests.conftest import client


def applied(url: str, **stream: Any) -> list[ResourceChange]:
    config = LakeConfig.model_validate(
        {
            "environment": stream.pop("environment"),
            "streams": [{"name": "shop", "live_view": {"compare_with": "SELECT 1"}, **stream}],
        }
    )
    account = client("sts", url).get_caller_identity()["Account"]
    place = LakeLocation("the-lake", "us-east-1", account)
    return list(engine.apply(list(stream_resources(config, place)), lambda service, region=None: client(service, url)))


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


ROLE = "arn:aws:iam::123456789012:role/firehose"


def delivery(url: str, place: str) -> dict[str, Any]:
    name = f"lakeworks-{place}-shop-inbox"
    described = client("firehose", url).describe_delivery_stream(DeliveryStreamName=name)
    return dict(described["DeliveryStreamDescription"])


def test_a_delivery_is_made_read_back_and_corrected(moto_url: str) -> None:
    place = f"e{uuid.uuid4().hex[:6]}"
    wish: dict[str, Any] = {"environment": place, "shards": 1, "delivery": {"dataset": "events", "role_arn": ROLE}}
    made = [
        change
        for change in applied(moto_url, **wish, alarms={})
        if change.name.startswith(f"lakeworks-{place}-shop-inbox")
    ]
    assert [(change.kind, change.outcome) for change in made] == [
        ("delivery stream", "created"), ("stream alarm", "created"),
    ]  # fmt: skip
    assert {change.outcome for change in applied(moto_url, **wish, alarms={})} == {"unchanged"}
    there = delivery(moto_url, place)["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert there["Prefix"] == "inbox/events/!{timestamp:yyyy-MM-dd}/"
    wish["delivery"] = {**wish["delivery"], "buffer_mib": 5, "buffer_seconds": 60}
    (changed,) = [one for one in applied(moto_url, **wish) if one.kind == "delivery stream"]
    assert changed.outcome == "changed", changed
    there = delivery(moto_url, place)["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert there["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 60}


def test_a_delivery_of_others_or_from_another_stream_is_left_alone(moto_url: str) -> None:
    place = f"e{uuid.uuid4().hex[:6]}"
    wish: dict[str, Any] = {"environment": place, "shards": 1, "delivery": {"dataset": "events", "role_arn": ROLE}}
    applied(moto_url, **wish)
    wish["delivery"] = {**wish["delivery"], "role_arn": f"{ROLE}-2"}
    (other,) = [one for one in applied(moto_url, **wish) if one.kind == "delivery stream"]
    assert (other.outcome, "cannot change that" in other.detail) == ("foreign", True)
    firehose, name = client("firehose", moto_url), f"lakeworks-{place}-shop-inbox"
    firehose.untag_delivery_stream(DeliveryStreamName=name, TagKeys=["made-by"])
    (other,) = [one for one in applied(moto_url, **wish) if one.kind == "delivery stream"]
    assert (other.outcome, "did not make" in other.detail) == ("foreign", True)


def test_ministack_writes_the_records_to_the_day_that_is_declared(ministack_url: str) -> None:
    """It reads the stream and evaluates the prefix; it writes an object a record, and does not pack it."""
    place = f"e{uuid.uuid4().hex[:6]}"
    s3, kinesis = client("s3", ministack_url), client("kinesis", ministack_url)
    s3.create_bucket(Bucket="the-lake")
    wish: dict[str, Any] = {"environment": place, "shards": 1, "delivery": {"dataset": place, "role_arn": ROLE}}
    (made,) = [one for one in applied(ministack_url, **wish) if one.kind == "delivery stream"]
    assert (made.outcome, "FileExtension" in made.detail) == ("unsupported", True), "it keeps the ending, and hides it"
    today = {f"{datetime.now(UTC):%Y-%m-%d}"}
    kinesis.put_record(StreamName=f"lakeworks-{place}-shop", Data=b'{"event_id": "1"}', PartitionKey="k")
    today.add(f"{datetime.now(UTC):%Y-%m-%d}")
    (found,) = s3.list_objects_v2(Bucket="the-lake", Prefix=f"inbox/{place}/")["Contents"]
    _, _, day, file = found["Key"].split("/")
    assert (day in today, file.endswith(".jsonl.gz")) == (True, True)


def test_a_delivery_whose_name_firehose_would_refuse_is_refused_before() -> None:
    config = {"streams": [{"name": "a", "kinesis_name": "k" * 60, "delivery": {"dataset": "d", "role_arn": ROLE}}]}
    with pytest.raises(ValueError, match="Firehose takes 64 characters"):
        LakeConfig.model_validate(config)


@pytest.mark.parametrize("server", ["moto_url", "ministack_url"])
def test_consumers_with_fan_out_are_registered_once(server: str, request: pytest.FixtureRequest) -> None:
    url, place = request.getfixturevalue(server), f"e{uuid.uuid4().hex[:6]}"
    wish: dict[str, Any] = {"environment": place, "shards": 1, "fan_out": ["lakeworks"]}
    assert [one.outcome for one in applied(url, **wish) if one.kind == "stream consumer"] == ["created"]
    assert {one.outcome for one in applied(url, **wish)} == {"unchanged"}
    arn = find_consumer(client("kinesis", url), f"lakeworks-{place}-shop", "lakeworks")
    assert f"stream/lakeworks-{place}-shop/consumer/lakeworks" in arn
