"""Request metrics and storage-class analysis: written, read back, allowed to be delivered, and gone when they are old.

Neither stand-in keeps them (`test_lake_bootstrap.py` finds that), so a client of the service model keeps what it is sent.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import validate_parameters

from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.config import LakeConfig, load_config
from lakeworks.infrastructure.confirmation import Confirmation
from lakeworks.infrastructure.lake_bootstrap import LakePlan
from lakeworks.infrastructure.reports.config import PrefixAnalysis, PrefixMetrics
from lakeworks.infrastructure.reports.prefix_reports import RequestMetrics, StorageClassAnalysis
from lakeworks.infrastructure.resource import Resource
from lakeworks.infrastructure.resources.bucket_manifest import content_of
from lakeworks.infrastructure.resources.inventory_and_tiering import InventoryReport
from lakeworks.infrastructure.resources.lifecycle import report_rules
from tests.lakeworks.infrastructure.test_config import EXAMPLE


class Keeping:
    """S3's configurations by id, in pages of one; parameters are judged by botocore's own model."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {"Metrics": {}, "Analytics": {}}

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        verb, _, rest = method.partition("_bucket_")
        kind = rest.partition("_")[0].capitalize()
        operation = f"{verb.capitalize()}Bucket{kind}Configuration{'s' if verb == 'list' else ''}"
        shape = get_session().get_service_model("s3").operation_model(operation).input_shape

        def call(**parameters: Any) -> dict[str, Any]:
            validate_parameters(parameters, shape)
            if verb == "put":
                self.kept[kind][parameters["Id"]] = parameters[f"{kind}Configuration"]
                return {}
            listed, start = list(self.kept[kind].values()), int(parameters.get("ContinuationToken", 0))
            more = {"NextContinuationToken": str(start + 1)} if start + 1 < len(listed) else {}
            return {f"{kind}ConfigurationList": listed[start : start + 1], **more}

        return call


METRICS = RequestMetrics("lake", PrefixMetrics(id="gold", prefix="gold/"))
ANALYSIS = StorageClassAnalysis("lake", PrefixAnalysis(id="silver", prefix="silver/"), "logs", "1", "aws-cn")


@pytest.mark.parametrize("resource", [METRICS, ANALYSIS, RequestMetrics("lake"), StorageClassAnalysis("lake", PrefixAnalysis(id="all", export=False))])  # fmt: skip
def test_what_is_written_is_read_back_among_the_configurations_of_others(resource: Resource) -> None:
    client = Keeping()
    kind = "Metrics" if isinstance(resource, RequestMetrics) else "Analytics"
    client.kept[kind]["theirs"] = {"Id": "theirs"}

    def outcome() -> str:
        (found,) = engine.apply([resource], lambda service, region=None: client, lambda _: Confirmation())
        return found.outcome

    assert (outcome(), outcome()) == ("created", "unchanged")
    client.kept[kind][resource.desired()["Id"]] = {"Id": resource.desired()["Id"], "Filter": {"Prefix": "x/"}}
    assert outcome() == "changed"
    assert "theirs" in client.kept[kind]


def test_the_export_goes_where_the_policy_lets_s3_write(
    moto_url: str, bucket: str, planned: Callable[..., LakePlan]
) -> None:
    fields = {"storage_class_analysis": [{"id": "silver", "prefix": "silver/"}], "inventory": {}, "logging": None}
    plan = planned(moto_url, **fields)
    policies = [item for item in plan.resources if item.kind == "policy" and item.name == bucket]
    statements = policies[0].desired()
    assert statements["LakeworksAnalysis"]["Resource"] == [f"arn:aws:s3:::{bucket}/_analysis/*"]
    assert statements["LakeworksInventory"]["Resource"] == [f"arn:aws:s3:::{bucket}/_inventory/*"]
    (analysis,) = [item for item in plan.resources if item.kind == "storage class analysis"]
    to = analysis.desired()["StorageClassAnalysis"]["DataExport"]["Destination"]["S3BucketDestination"]
    assert (to["Bucket"], to["Prefix"]) == (f"arn:aws:s3:::{bucket}", f"_analysis/{bucket}/silver")


def test_reports_in_the_lakes_own_bucket_expire() -> None:
    """They stayed for ever; in a log bucket everything expires."""
    config = LakeConfig.model_validate(
        {"inventory": {}, "storage_class_analysis": [{"id": "a", "expire_after_days": 30}]}
    )
    found = {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in report_rules(config).values()}
    assert found == {"_inventory/": 90, "_analysis/": 30}
    assert report_rules(LakeConfig()) == {}


def test_a_key_must_admit_s3_and_the_plan_says_so() -> None:
    own, logs = InventoryReport("lake", "lake", kms_key_id="k"), InventoryReport("lake", "logs", kms_key_id="k")
    assert "key's policy must let the service s3.amazonaws.com" in own.notes({})[0]
    assert (logs.notes({}), InventoryReport("lake", "lake").notes({})) == ([], [])


def test_the_manifest_says_what_s3_reports() -> None:
    words = content_of("lake", "eu-west-1", load_config(EXAMPLE), [], {})["reports"]
    assert words == [
        "weekly list of every object version, in _inventory/",
        "requests to gold/ as CloudWatch metrics",
        "age of the objects of silver/ when they are read, each day in _analysis/",
    ]


def test_two_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="two entries of request_metrics have one id: a"):
        LakeConfig.model_validate({"request_metrics": [{"id": "a"}, {"id": "a", "prefix": "gold/"}]})


def test_exports_have_the_names_of_their_languages(moto_url: str, planned: Callable[..., LakePlan]) -> None:
    plan = planned(
        moto_url, request_metrics=[{"id": "gold", "prefix": "gold/"}], storage_class_analysis=[{"id": "all"}]
    )
    terraform = json.loads(plan.export("terraform"))["resource"]
    (metric,) = terraform["aws_s3_bucket_metric"].values()
    assert (metric["name"], metric["filter"]) == ("lakeworks-gold", {"prefix": "gold/"})
    (analysis,) = terraform["aws_s3_bucket_analytics_configuration"].values()
    to = analysis["storage_class_analysis"]["data_export"]["destination"]["s3_bucket_destination"]
    assert set(to) >= {"bucket_arn", "format", "prefix"}
