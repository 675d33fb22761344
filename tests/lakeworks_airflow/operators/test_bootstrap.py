"""The bootstrap operator against a real endpoint: what it returns, what fails it, and for how long."""

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from lakeworks.errors import LakeUnavailable
from lakeworks.lake import Lake
from lakeworks.settings import current_settings
from lakeworks_airflow import LakeBootstrapOperator
from tests.conftest import client
from tests.lakeworks_airflow.operators.test_operators import deployed

__all__ = ["deployed"]


def test_bootstrap_reports_every_setting(deployed: Lake) -> None:
    with DAG("test", schedule=None):
        bootstrap, plan = LakeBootstrapOperator(task_id="make"), LakeBootstrapOperator(task_id="plan", plan="True")
    planned = {row["setting"]: row["outcome"] for row in plan.execute({})}  # type: ignore[typeddict-item]
    first, second = bootstrap.execute({}), bootstrap.execute({})  # type: ignore[typeddict-item]
    assert {"versioning", "encryption", "tags", "lifecycle", "database silver_transport"} <= {
        row["setting"] for row in first
    }
    assert (planned["lifecycle"], planned["versioning"]) == ("create", "unchanged")
    assert {row["outcome"] for row in second} <= {"unchanged", "unsupported"}
    json.dumps(second)


@pytest.mark.parametrize(
    ("code", "status", "error"), [("AccessDenied", 403, AirflowFailException), ("SlowDown", 503, LakeUnavailable)]
)
def test_bootstrap_makes_the_rest_and_then_fails_for_what_is_missing(
    deployed: Lake, monkeypatch: pytest.MonkeyPatch, code: str, status: int, error: type[Exception]
) -> None:
    def refusing(service: str, region: str | None = None) -> Any:
        found = client(service, str(deployed.store.client.meta.endpoint_url))
        found.meta.events.register("before-call", refuse)
        return found

    def refuse(params: Any, model: Any, **_: Any) -> None:
        if model.name == "PutPublicAccessBlock":
            answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, model.name)

    with DAG("test", schedule=None):
        bootstrap = LakeBootstrapOperator(task_id="make", clients=refusing)
    with pytest.raises(error, match=r"settings .*others are as declared: public access block.*"):
        bootstrap.execute({})  # type: ignore[typeddict-item]
    assert deployed.store.get("metadata/bucket-manifest.yaml")


def test_bootstrap_with_a_wrong_file_fails_for_good(
    deployed: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lake.yml").write_text("typo: 1")
    monkeypatch.setenv("LAKE_CONFIG_FILE", str(tmp_path / "lake.yml"))
    current_settings.cache_clear()
    with DAG("test", schedule=None):
        bootstrap = LakeBootstrapOperator(task_id="make")
    with pytest.raises(AirflowFailException, match=r"`typo`.*Nothing was changed"):
        bootstrap.execute({})  # type: ignore[typeddict-item]
