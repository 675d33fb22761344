"""Cost Explorer's answers, in the shape AWS documents, through a real client."""

import json
import urllib.request
from datetime import date
from typing import Any

import pytest

from lakeworks.cost.cost_explorer import SERVICES, Charged, charged
from lakeworks.errors import ConfigError, LakeAccessDenied
from tests.conftest import client


def group(
    usage_type: str, cost: str, usage: str = "10", unit: str = "GB-Mo", service: str = SERVICES["s3"]
) -> dict[str, Any]:
    metrics = {"UnblendedCost": {"Amount": cost, "Unit": "USD"}, "UsageQuantity": {"Amount": usage, "Unit": unit}}
    return {"Keys": [service, usage_type], "Metrics": metrics}


def answer(groups: list[dict[str, Any]], token: str | None = None) -> dict[str, Any]:
    period = {
        "TimePeriod": {"Start": "2026-10-01", "End": "2026-11-01"},
        "Total": {},
        "Groups": groups,
        "Estimated": False,
    }
    return {"ResultsByTime": [period], **({"NextPageToken": token} if token else {})}


def queue(url: str, *answers: dict[str, Any]) -> None:
    body = json.dumps({"results": answers}).encode()
    address = f"{url}/moto-api/static/ce/cost-and-usage-results"
    request = urllib.request.Request(address, data=body, method="POST", headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()


def test_charges_are_read_page_by_page_and_named(moto_url: str) -> None:
    first = [group("EUC1-TimedStorage-ByteHrs", "1.5"), group("EUC1-Requests-Tier1", "0.25", "50000", "Requests")]
    second = [group("EUC1-Retrieval-GIR", "2.0"), group("EUC1-EarlyDelete-GIR", "0.1"), group("EUC1-Monitoring-Automation-INT", "0.2"), group("Novel", "0")]  # fmt: skip
    queue(moto_url, answer(first, "more"), answer(second))
    found = charged(client("ce", moto_url), date(2026, 10, 1), date(2026, 11, 1))
    assert [(item.reason, item.cost) for item in found] == [
        ("retrieval", 2.0), ("storage", 1.5), ("requests", 0.25), ("monitoring", 0.2), ("early deletion", 0.1), ("other", 0.0),
    ]  # fmt: skip
    assert found[2] == Charged("2026-10-01", "s3", "EUC1-Requests-Tier1", "requests", 50000.0, "Requests", 0.25, "USD")


def test_a_tag_limits_the_question(moto_url: str) -> None:
    asked: list[dict[str, Any]] = []
    ce = client("ce", moto_url)
    ce.meta.events.register("provide-client-params.ce.GetCostAndUsage", lambda params, **_: asked.append(params))
    charged(ce, date(2026, 9, 1), date(2026, 10, 1), ("project", "lakeworks"))
    assert asked[0]["Filter"]["And"][1] == {"Tags": {"Key": "project", "Values": ["lakeworks"]}}
    assert asked[0]["GroupBy"] == [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}]


def test_an_account_that_does_not_allow_it_is_reported(moto_url: str) -> None:
    def refuse(**_: Any) -> None:
        from botocore.exceptions import ClientError

        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not enabled"}}, "GetCostAndUsage")

    ce = client("ce", moto_url)
    ce.meta.events.register("before-call.ce.GetCostAndUsage", refuse)
    with pytest.raises(LakeAccessDenied, match="ask for the costs of.*not enabled"):
        charged(ce, date(2026, 10, 1), date(2026, 11, 1))


def test_every_service_of_the_lake_is_asked_for_and_named(moto_url: str) -> None:
    asked: list[dict[str, Any]] = []
    ce = client("ce", moto_url)
    ce.meta.events.register("provide-client-params.ce.GetCostAndUsage", lambda params, **_: asked.append(params))
    usage = {
        "athena": "EUC1-DataScannedInTB", "glue": "EUC1-Catalog-Request", "kms": "eu-central-1-KMS-Requests",
        "kinesis": "EUC1-Storage-ShardHour", "s3": "EUC1-TimedStorage-ByteHrs",
    }  # fmt: skip
    queue(
        moto_url,
        answer([group(kind, str(number), service=SERVICES[name]) for number, (name, kind) in enumerate(usage.items())]),
    )
    charges = charged(ce, date(2026, 10, 1), date(2026, 11, 1), services=tuple(SERVICES))
    assert [(item.service, item.reason) for item in charges] == [
        ("s3", "storage"), ("kinesis", "stream hours"), ("kms", "requests for keys"), ("glue", "catalog requests"),
        ("athena", "scanned by queries"),
    ]  # fmt: skip
    assert asked[0]["Filter"]["Dimensions"]["Values"] == list(SERVICES.values())


def test_an_unknown_service_is_refused_before_it_costs_a_cent(moto_url: str) -> None:
    with pytest.raises(ConfigError, match="`redshift` is no service of a lake. AWS was not called"):
        charged(None, date(2026, 10, 1), date(2026, 11, 1), services=("s3", "redshift"))
