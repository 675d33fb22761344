"""ARNs and conditions of the resources that lakeworks' calls are about, for one lake."""

from collections.abc import Callable, Sequence

from lakeworks.core.layout import (
    DEV,
    LANDING,
    LEDGER,
    METADATA,
    PLANS,
    REGISTRY,
    RELEASES,
    RESULTS,
    SHARES,
    SPARK_JOB,
    STAGING,
    TENANT_AREAS,
    epoch_key,
    trial_key,
)
from lakeworks.core.names import LAYERS
from lakeworks.infrastructure.bucket_names import crawler_name
from lakeworks.infrastructure.lake_formation.record import RECORD_KEY
from lakeworks.infrastructure.resources.bucket_manifest import KEY
from lakeworks.infrastructure.resources.bucket_security import TRIAL_KEY
from lakeworks.permissions.aws_call import On
from lakeworks.permissions.policy_scope import PolicyScope, Resources, key_of
from lakeworks.permissions.stream_resources import STREAM_RESOURCES

_LIVE = tuple(f"{layer}/" for layer in LAYERS)
_RECORDS = (f"{LEDGER}/", f"{METADATA}/contracts/", f"{METADATA}/iceberg/", f"{RELEASES}/", f"{PLANS}/")
_LAKE = tuple(f"{area}/" for area in TENANT_AREAS if area not in (RESULTS, SHARES))
_TRIALS = (trial_key(""),)
_ALL = ("*",)


def _objects(*prefixes: str) -> Callable[[PolicyScope], Resources]:
    """Return the objects below some prefixes; a prefix without its closing slash is one key."""
    return lambda scope: ([scope.address.object_arn(_pattern(prefix)) for prefix in prefixes], {})


def _listing(*prefixes: str) -> Callable[[PolicyScope], Resources]:
    """Return the buckets of some prefixes, with the condition that a listing asks for one of them."""
    condition = {"StringLike": {"s3:prefix": [_pattern(prefix) for prefix in prefixes]}}
    return lambda scope: ([scope.address.bucket_arn(prefix) for prefix in prefixes], condition)


def _pattern(prefix: str) -> str:
    return f"{prefix}*" if prefix.endswith("/") else prefix


def _buckets(scope: PolicyScope) -> list[str]:
    layers = scope.address.layers
    return [scope.address.bucket_arn(), *(scope.address.bucket_arn(f"{layer}/") for layer in layers)]


def _other_bucket(scope: PolicyScope, name: str) -> str:
    return f"arn:{scope.address.partition}:s3:::{name}"


def _trials(scope: PolicyScope) -> Resources:
    """Return the trial objects of every bucket with layers, and Athena's answers, which the doctor deletes."""
    return [*(f"{arn}/{trial_key('*')}" for arn in _buckets(scope)), scope.address.object_arn(f"{RESULTS}/*")], {}


def _trial_listings(scope: PolicyScope) -> Resources:
    return _buckets(scope), {"StringLike": {"s3:prefix": [f"{trial_key('')}*", f"{RESULTS}/*"]}}


def _other_ledger(scope: PolicyScope) -> Resources:
    """Return ledger and tenants' records of the other bucket of a pair: the one that lake.yml replicates to."""
    other = scope.other_buckets.get("backup")
    return [f"{_other_bucket(scope, other)}/{prefix}*" for prefix in (f"{LEDGER}/", REGISTRY)] if other else [], {}


def _other_ledger_listings(scope: PolicyScope) -> Resources:
    other = scope.other_buckets.get("backup")
    condition = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in (f"{LEDGER}/", REGISTRY)]}}
    return [_other_bucket(scope, other)] if other else [], condition


def _reports(scope: PolicyScope) -> Resources:
    """Return what S3 itself writes: inventories and access logs, in the log bucket if there is one."""
    logs = scope.other_buckets.get("logs")
    place = _other_bucket(scope, logs) if logs else scope.address.bucket_arn()
    return [f"{place}/*" if logs else f"{place}/_inventory/*"], {}


def _report_listings(scope: PolicyScope) -> Resources:
    logs = scope.other_buckets.get("logs")
    if logs:
        return [_other_bucket(scope, logs)], {}
    return [scope.address.bucket_arn()], {"StringLike": {"s3:prefix": ["_inventory/*"]}}


def _catalog(
    tables: str = "", *, start: str = "", layers: Sequence[str] = LAYERS
) -> Callable[[PolicyScope], Resources]:
    """Return the catalog, the databases of every layer, and their tables. Tenants' databases begin with the tenant's name."""
    # In a pattern `*` crosses slashes: `table/gold_*` is every table of every such database.
    names = [f"{start}{layer}_*" for layer in layers]
    resources = ["catalog", *(f"database/{name}" for name in names), *(f"table/{name}{tables}" for name in names)]
    return lambda scope: ([scope.address.glue_arn(item) for item in resources], {})


def _crawlers(scope: PolicyScope) -> Resources:
    return [scope.address.glue_arn(f"crawler/{crawler_name(item.name)}") for item in scope.config.crawlers], {}


def _crawler_roles(scope: PolicyScope) -> Resources:
    condition = {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
    return [item.role_arn for item in scope.config.crawlers], condition


def _replication_role(scope: PolicyScope) -> Resources:
    role = scope.config.replication.role_arn if scope.config.replication else None
    return [role] if role else [], {"StringEquals": {"iam:PassedToService": "s3.amazonaws.com"}}


def _work_group(scope: PolicyScope) -> Resources:
    return [scope.address.arn("athena", f"workgroup/{scope.group.name}")] if scope.group else [], {}


def _work_groups(scope: PolicyScope) -> Resources:
    groups = scope.config.athena.groups(scope.address.bucket) if scope.config.athena else ()
    return [scope.address.arn("athena", f"workgroup/{group.name}") for group in groups], {}


def _results(scope: PolicyScope) -> Resources:
    """Return the answers of the policy's work group. Those of the lake's own group lie above all others' folders."""
    return _objects(scope.group.results if scope.group else f"{RESULTS}/")(scope)


def _result_listings(scope: PolicyScope) -> Resources:
    return _listing(scope.group.results if scope.group else f"{RESULTS}/")(scope)


def _queue(scope: PolicyScope) -> Resources:
    events = scope.config.inbox_events
    if events is None:
        return [], {}
    return [scope.address.arn("sqs", events.name(scope.address.bucket)) if events.is_ours else str(events.queue)], {}


def _spark_application(scope: PolicyScope) -> Resources:
    """Return every application of the account: an application's ARN has its id, which AWS makes up."""
    if scope.config.spark is None or scope.config.spark.emr_serverless is None:
        return [], {}
    return [scope.address.arn("emr-serverless", "/applications/*"), scope.address.arn("emr-serverless", "/*")], {}


def _spark_job(scope: PolicyScope) -> Resources:
    if scope.config.spark is None or scope.config.spark.glue is None:
        return [], {}
    return [scope.address.glue_arn(f"job/{scope.config.spark.glue.name or scope.address.bucket}")], {}


def _spark_roles(scope: PolicyScope) -> Resources:
    spark = scope.config.spark
    services = {
        "emr-serverless.amazonaws.com": spark.emr_serverless if spark else None,
        "glue.amazonaws.com": spark.glue if spark else None,
    }
    declared = {service: section for service, section in services.items() if section}
    condition = {"StringEquals": {"iam:PassedToService": sorted(declared)}}
    return [section.role_arn for section in declared.values()], condition


RESOURCES: dict[On, Callable[[PolicyScope], Resources]] = {
    On.LAKE: _objects(*_LAKE),
    On.LIVE: _objects(*_LIVE),
    On.DEV: _objects(f"{DEV}/"),
    On.RECORDS: _objects(*_RECORDS),
    On.RESULTS: _results,
    On.SETUP: _objects(KEY, RECORD_KEY, TRIAL_KEY, epoch_key()),
    On.TENANT_RECORDS: _objects(REGISTRY, f"{METADATA}/policies/"),
    On.REPORTS: _reports,
    On.TRIALS: _trials,
    On.LAKE_LIST: _listing(*_LAKE),
    On.LIVE_LIST: _listing(*_LIVE),
    On.DEV_LIST: _listing(f"{DEV}/"),
    On.RECORD_LIST: _listing(*_RECORDS),
    On.RESULT_LIST: _result_listings,
    On.REPORT_LIST: _report_listings,
    On.TRIAL_LIST: _trial_listings,
    On.BUCKETS: lambda scope: (_buckets(scope), {}),
    On.ALL_BUCKETS: lambda scope: (
        [*_buckets(scope), *(_other_bucket(scope, name) for name in scope.other_buckets.values())], {}
    ),
    On.CATALOG: _catalog(),
    On.LANDING_CATALOG: _catalog(layers=(LANDING,)),
    On.TENANT_CATALOG: _catalog(start="*__"),
    On.DEV_CATALOG: _catalog(start="dev_*_"),
    On.TRIAL_TABLES: _catalog("/lakeworks_doctor_*"),
    On.CRAWLERS: _crawlers,
    On.CRAWLER_ROLES: _crawler_roles,
    On.REPLICATION_ROLE: _replication_role,
    On.WORK_GROUP: _work_group,
    On.WORK_GROUPS: _work_groups,
    On.QUEUE: _queue,
    On.ALARM: lambda scope: ([scope.address.arn("cloudwatch", "alarm:*")], {}),
    On.BUDGET: lambda scope: ([scope.address.global_arn("budgets", "budget/*")], {}),
    On.KEY: lambda scope: key_of(scope, scope.kms_key_id or ""),
    **STREAM_RESOURCES,
    On.SPARK_APPLICATION: _spark_application,
    On.SPARK_JOB: _spark_job,
    On.SPARK_ROLES: _spark_roles,
    On.SPARK_FILE: _objects(SPARK_JOB),
    On.STAGING: _objects(f"{STAGING}/"),
    On.STAGING_LIST: _listing(f"{STAGING}/"),
    On.OTHER_LEDGER: _other_ledger,
    On.OTHER_LEDGER_LIST: _other_ledger_listings,
    On.ANYTHING: lambda _: (list(_ALL), {}),
}  # fmt: skip
