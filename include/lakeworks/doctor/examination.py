"""List of checks for a deployment, in the order in which a person would correct what they find."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

import requests

from lakeworks.airflow_api import Airflow
from lakeworks.contract import Contract
from lakeworks.core.layout import trial_key
from lakeworks.doctor import account_checks, machine_checks
from lakeworks.doctor.airflow_check import airflow_health
from lakeworks.doctor.athena_check import TrialQuery
from lakeworks.doctor.bucket_checks import TrialBucket
from lakeworks.doctor.bucket_settings import foreign_settings
from lakeworks.doctor.catalog_check import TrialCatalog
from lakeworks.doctor.delivery_check import delivery
from lakeworks.doctor.health_check import Diagnosis, HealthCheck
from lakeworks.doctor.lake_formation_check import governance
from lakeworks.doctor.source_check import connection_finder, source_connection
from lakeworks.doctor.spark_check import spark_place
from lakeworks.errors import LakeError
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.confirmation import confirmation_of
from lakeworks.infrastructure.resource import Clients
from lakeworks.landing.inbox import LakeInbox
from lakeworks.s3.object_store import ObjectStore
from lakeworks.settings import Settings

_POLICY = "The permissions: `lakeworks policy --for doctor`. A KMS key's own policy must admit the role too."
_AWS = ("clock", "credentials")
# The lake itself lands the tables of these sources: from its bill, and from Kinesis.
_NO_VENDOR = {"lake", "stream"}


@dataclass(frozen=True)
class Deployment:
    """A deployment to examine, and the collaborators of its checks."""

    settings: Settings
    config: LakeConfig
    contracts: Sequence[Contract]
    clients: Clients
    environment: Mapping[str, str] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def s3(self) -> Any:
        """The S3 client."""
        return self.clients("s3")

    @property
    def is_aws(self) -> bool:
        """Return True if the endpoint is AWS itself."""
        return confirmation_of(self.s3).is_aws

    @property
    def kms_key_id(self) -> str | None:
        """Return the key of the lake's objects."""
        return self.settings.kms_key_id or self.config.encryption.kms_key_id

    @property
    def buckets(self) -> list[str]:
        """Return every bucket with layers, the lake's own first."""
        return [self.settings.bucket, *self.config.bucket_of_layer.values()]

    @cached_property
    def airflow(self) -> Airflow | None:
        """Airflow's API, if its address is set."""
        url = self.settings.airflow_url
        return Airflow(url.get_secret_value(), self.session) if url else None

    def account(self) -> str | None:
        """Return the account of the credentials; None without STS."""
        try:
            return account_checks.account_of(self.clients("sts"))[0]
        except LakeError:
            return None


def every_check(of: Deployment) -> Iterator[HealthCheck]:
    """Yield every check of a deployment."""
    yield HealthCheck("clock", lambda: account_checks.clock(of.s3, of.settings.bucket, of.now))
    yield HealthCheck(
        "credentials",
        lambda: account_checks.credentials(of.clients("sts")),
        "Sign in again (`aws sso login`), or correct AWS_PROFILE or the keys.",
        ("clock",),
    )
    yield HealthCheck("region", lambda: account_checks.region(of.settings.region, of.is_aws))
    for bucket in of.buckets:
        yield from _bucket_checks(of, bucket)
    yield HealthCheck("catalog", lambda: _catalog(of).trial_tables(), _POLICY, _AWS)
    yield HealthCheck("lake formation", lambda: _governance(of), _POLICY, _AWS)
    yield HealthCheck("athena", lambda: _athena(of), "Run `lakeworks bootstrap`: it makes the work group.", _AWS)
    yield HealthCheck(
        "spark",
        lambda: spark_place(of.settings, of.contracts, of.clients),
        "Run `lakeworks bootstrap`, or choose another LAKE_SPARK_BACKEND (docs/spark.md).",
        _AWS if of.settings.spark_backend in ("emr-serverless", "glue") else (),
    )
    for one in of.config.deliveries:
        yield HealthCheck(f"delivery {one}", partial(delivery, of.clients("firehose"), one), _POLICY, _AWS)
    find, inbox = connection_finder(of.environment, of.airflow), LakeInbox(ObjectStore(of.s3, of.settings.bucket))
    for name in sorted({item.source.partition(".")[0] for item in of.contracts if item.source} - _NO_VENDOR):
        check = partial(source_connection, name, find, of.session, inbox)
        yield HealthCheck(f"source {name}", check, f"Correct the Airflow connection `{name}` (docs/sources.md).")
    has_salt = of.settings.pii_salt is not None
    yield HealthCheck("salt", lambda: machine_checks.salt(of.contracts, is_set=has_salt))
    yield HealthCheck("scratch", lambda: machine_checks.scratch(of.settings.scratch_dir, of.settings.memory_limit))
    events = of.settings.scratch_dir / "lineage"
    yield HealthCheck("lineage", lambda: machine_checks.lineage(of.settings.lineage_url, events, is_aws=of.is_aws))
    yield HealthCheck("airflow", lambda: airflow_health(of.airflow), "Start Airflow, or correct LAKE_AIRFLOW_URL.")


def _bucket_checks(of: Deployment, bucket: str) -> Iterator[HealthCheck]:
    trial = TrialBucket(of.s3, bucket, of.settings.region, of.is_aws, of.now, of.kms_key_id)
    here = f"bucket {bucket}"
    yield HealthCheck(here, lambda: trial.owner(of.account), _POLICY, _AWS)
    yield HealthCheck(f"versioning {bucket}", trial.versioning, _POLICY, (here,))
    settings = partial(foreign_settings, of.s3, bucket, is_aws=of.is_aws)
    yield HealthCheck(f"settings {bucket}", settings, _POLICY, (here,))
    yield HealthCheck(f"read and write {bucket}", trial.trial_write, _POLICY, (here,))
    yield HealthCheck(f"conditional write {bucket}", trial.conditional_write, _POLICY, (here,))


def _catalog(of: Deployment) -> TrialCatalog:
    databases = sorted({item.table.database for item in of.contracts})
    location = f"s3://{of.settings.bucket}/{trial_key('')}"
    return TrialCatalog(of.clients("glue"), databases, location, of.is_aws, of.now)


def _governance(of: Deployment) -> Diagnosis:
    is_declared = of.config.lake_formation is not None
    return governance(of.clients("lakeformation"), is_declared=is_declared, is_aws=of.is_aws)


def _athena(of: Deployment) -> Diagnosis:
    if of.config.athena is None:
        return Diagnosis("ok", "lake.yml asks for no work group")
    name = of.config.athena.name or of.settings.bucket
    return TrialQuery(of.clients("athena"), of.s3, name, of.is_aws, of.sleep).select_one()
