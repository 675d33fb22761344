"""A crawl under exactly the printed policy; with one action less, the task fails for good and names the action."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import LakeUnavailable
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.permissions.aws_call import Purpose
from lakeworks.settings import current_settings
from lakeworks_airflow import CrawlOperator
from tests.lakeworks.permissions.conftest import ROOT, Guarded, guarded, guarded_url  # noqa: F401 - fixtures
from tests.lakeworks_airflow.operators.test_crawlers import started, waited_for
from tests.lakeworks_airflow.operators.test_maintenance import environment, operator

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def role_of(name: str) -> str:
    return f"arn:aws:iam::000000000000:role/{name}"


def config(name: str) -> LakeConfig:
    crawler = {"name": name, "role_arn": role_of(name), "database": "partner", "prefix": "exports/"}
    return LakeConfig.model_validate({"crawlers": [crawler]})


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    """Settings are read again before and after every test."""
    current_settings.cache_clear()
    yield
    current_settings.cache_clear()


# ministack does not ask who may pass a role to Glue: `test_policy_document.py` holds that statement.
@pytest.mark.parametrize(
    "without", ["", "glue:GetCrawler", "glue:CreateCrawler", "glue:UpdateCrawler", "glue:StartCrawler"]
)
def test_a_crawl_needs_what_its_policy_says(
    guarded: Guarded,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    without: str,
) -> None:
    name = f"c-{uuid.uuid4().hex[:8]}"
    guarded.grant(Purpose.CRAWL, without=without, config=config(name))
    keys = {"login": guarded.user["aws_access_key_id"], "password": guarded.user["aws_secret_access_key"]}
    environment(monkeypatch, guarded.lake(tmp_path, ROOT), guarded.url, **keys)

    guarded.client_of_owner("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))

    def crawl(path: str) -> dict[str, str]:
        task = operator(
            CrawlOperator,
            look_every=0.05,
            crawler=f"lakeworks-{name}",
            path=path,
            database="partner",
            role=role_of(name),
        )
        event: dict[str, str] = task.crawled({}, waited_for(started(task)))
        return event

    if not without:
        assert [crawl("s3://partner/drop/")["status"], crawl("s3://partner/other/")["status"]] == ["SUCCEEDED"] * 2
        return
    with pytest.raises((AirflowFailException, LakeUnavailable)) as failure:
        [crawl(f"s3://partner/{folder}/") for folder in ("drop", "other")]
    assert re.search(rf"denied: .*{without.partition(':')[2]}\b", str(failure.value)), failure.value
