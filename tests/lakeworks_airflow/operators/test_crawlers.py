"""Crawlers of folders that are not ours, against both Glue emulators: ministack's crawls end, moto's never do."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from lakeworks.errors import LakeUnavailable
from lakeworks.lake import Lake
from lakeworks.settings import current_settings
from lakeworks_airflow import CrawlOperator
from lakeworks_airflow.operators.crawlers import CrawlerTrigger
from tests.conftest import client
from tests.faults.fault_proxy import Kind, Request, proxy
from tests.lakeworks_airflow.operators.test_maintenance import environment, operator


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    """Settings are read again before and after every test."""
    current_settings.cache_clear()
    yield
    current_settings.cache_clear()


def crawl(lake: Lake, **changes: Any) -> Any:
    arguments = {
        "crawler": f"lakeworks-c-{lake.store.bucket}",
        "path": "s3://partner/drop/",
        "database": "partner",
        "role": "crawler",
    }
    return operator(CrawlOperator, look_every=0.05, **{**arguments, **changes})


def started(task: Any) -> CrawlerTrigger:
    """Execute the operator; the trigger it waits on, as it arrives in the triggerer."""
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({})
    path, arguments = deferred.value.trigger.serialize()
    assert path == "lakeworks_airflow.operators.crawlers.CrawlerTrigger"
    return CrawlerTrigger(**json.loads(json.dumps(arguments)))


def waited_for(trigger: CrawlerTrigger, patience: float = 30) -> dict[str, str]:
    async def first() -> Any:
        return await asyncio.wait_for(anext(aiter(trigger.run())), patience)

    event: dict[str, str] = asyncio.run(first()).payload
    return event


def test_a_crawler_is_made_run_and_waited_for_without_a_worker(
    lake: Lake, ministack_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(monkeypatch, lake, ministack_url)
    task = crawl(lake, path="S3A://partner/drop/")
    assert task.crawled({}, waited_for(started(task)))["status"] == "SUCCEEDED"
    glue = client("glue", ministack_url)
    assert glue.get_crawler(Name=task.crawler)["Crawler"]["Targets"]["S3Targets"][0]["Path"] == "s3://partner/drop/"
    started(crawl(lake, path="s3://partner/other/"))  # the next run updates the crawler instead of failing on it
    assert glue.get_crawler(Name=task.crawler)["Crawler"]["Targets"]["S3Targets"][0]["Path"] == "s3://partner/other/"


def test_a_crawl_that_takes_too_long_fails_the_task_and_says_how_to_go_on(
    lake: Lake, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(monkeypatch, lake, moto_url)
    task = crawl(lake, timeout=0.5)
    event = waited_for(started(task))
    says = rf"still runs after 0\.5 seconds\. It continues in Glue.*Clear this task.*stop-crawler --name {task.crawler}"
    with pytest.raises(AirflowFailException, match=says):
        task.crawled({}, event)
    assert client("glue", moto_url).get_crawler(Name=task.crawler)["Crawler"]["State"] == "RUNNING"


def test_two_hours_are_waited_from_the_start_whatever_happens_to_the_triggerer(
    lake: Lake, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(monkeypatch, lake, moto_url)
    trigger = started(crawl(lake))
    assert trigger.until == pytest.approx(time.time() + 2 * 3600, abs=60)
    late = CrawlerTrigger(**{**trigger.serialize()[1], "until": time.time() - 1})
    assert waited_for(late)["status"] == "STILL RUNNING"


@pytest.mark.parametrize("kind", ["500 before", "503 after", "reset before", "garbled"])
def test_a_look_that_fails_is_repeated_until_glue_answers(
    lake: Lake, ministack_url: str, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    with proxy(ministack_url) as (url, faults):
        environment(monkeypatch, lake, url, config_kwargs={"retries": {"total_max_attempts": 1}})
        task = crawl(lake)
        trigger = started(task)
        faults.choose(lambda request: kind if request.number <= 3 else None)
        assert waited_for(trigger)["status"] == "SUCCEEDED"
        assert [request.operation for request, _ in faults.broken] == ["GetCrawler"] * 3


def test_a_glue_that_never_answers_is_reported_when_the_time_is_over(
    lake: Lake, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always(_: Request) -> Kind:
        return "503 before"

    with proxy(moto_url) as (url, faults):
        environment(monkeypatch, lake, url, config_kwargs={"retries": {"total_max_attempts": 1}})
        task = crawl(lake, timeout=1.0)
        trigger = started(task)
        faults.choose(always)
        with pytest.raises(
            AirflowFailException, match=r"still runs after 1 seconds \(it was not seen lately: .*SlowDown"
        ):
            task.crawled({}, waited_for(trigger))


def test_a_crawler_that_is_gone_ends_the_wait_at_once(
    lake: Lake, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(monkeypatch, lake, moto_url)
    task = crawl(lake)
    trigger = started(task)
    glue = client("glue", moto_url)
    glue.stop_crawler(Name=task.crawler)
    glue.delete_crawler(Name=task.crawler)
    with pytest.raises(LakeUnavailable, match="Could not look at the crawler .*EntityNotFoundException"):
        task.crawled({}, waited_for(trigger, patience=5))


def test_a_failed_crawl_says_why_and_is_tried_again(lake: Lake) -> None:
    with pytest.raises(LakeUnavailable, match="ended FAILED: no access. Tables it found before stay"):
        crawl(lake).crawled({}, {"crawler": "c", "status": "FAILED", "message": "no access"})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"path": "s3://{bucket}/silver/market/"}, "overlaps with folders that lakeworks writes"),
        ({"path": "s3a://{bucket}"}, "overlaps with folders that lakeworks writes"),
        ({"path": "s3://the-gold-bucket/gold/"}, "overlaps with folders that lakeworks writes"),
        ({"path": "s3://acme-test-bronze-x7/"}, "overlaps with folders that lakeworks writes"),
        ({"path": "s3://the-copy/silver/"}, "overlaps with folders that lakeworks writes"),
        ({"path": "/mnt/drop/"}, "is no S3 address"),
        ({"database": "gold_market"}, "Name another"),
        ({"crawler": "partner-crawler"}, "opens no other.*Name it `lakeworks-<name>`"),
        ({"crawler": "lakeworks-"}, "is no crawler of the lake"),
        ({"crawler": "lakeworks-Drop"}, "is no crawler of the lake"),
    ],
)
def test_no_bucket_of_the_lake_is_crawled(
    lake: Lake, moto_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, str], says: str
) -> None:
    config = tmp_path / "lake.yml"
    config.write_text(
        "project: acme\nenvironment: test\nunique: x7\nlayer_buckets: {gold: the-gold-bucket, bronze: null}\n"
        "replication: {region: eu-west-1, role_arn: 'arn:aws:iam::123456789012:role/copy', bucket: the-copy}\n"
    )
    monkeypatch.setenv("LAKE_CONFIG_FILE", str(config))
    environment(monkeypatch, lake, moto_url)
    filled = {key: value.format(bucket=lake.store.bucket) for key, value in changes.items()}
    task = crawl(lake, **filled)
    with pytest.raises(AirflowFailException, match=says) as raised:
        task.execute({})
    assert "Nothing was started" in str(raised.value)
    assert task.crawler not in client("glue", moto_url).list_crawlers()["CrawlerNames"]
