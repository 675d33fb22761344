"""Settings of a deployment: the `LAKE_*` environment variables, read once into one frozen object."""

from functools import lru_cache
from os import environ
from pathlib import Path
from tempfile import gettempdir
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lakeworks.core.tenant import Tenant
from lakeworks.core.transfer_profile import PROFILES, ProfileName, TransferProfile
from lakeworks.errors import ConfigError


class _Deployment(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="LAKE_", frozen=True, extra="ignore", env_ignore_empty=True)

    tenants: str = Field("", description="Tenants with DAGs of their own, separated by commas.")


class _ConfigFile(BaseSettings):
    model_config = _Deployment.model_config

    config_file: Path | None = None


class Settings(_Deployment):
    """The deployment's settings; every field is the environment variable `LAKE_<FIELD>`."""

    bucket: str = Field(min_length=3, max_length=63, description="Bucket that holds the lake.")
    region: str = Field(
        default_factory=lambda: environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "",
        validate_default=True,
        description="AWS region of bucket and catalog; default: AWS_REGION or AWS_DEFAULT_REGION. There is no other "
        "default.",
    )
    aws_conn_id: str = Field("aws_default", description="Airflow connection with the AWS credentials.")
    memory_limit: str = Field("1GB", description="Memory of the transform engine before it spills to disk.")
    threads: int = Field(2, ge=1, description="Threads of the transform engine.")
    transfer_profile: ProfileName = Field(
        "medium",
        description="Profile for object transfers (docs/objects.md): single, slow, medium, fast or very_fast.",
    )
    transfer_threads: int | None = Field(
        None, ge=1, description="Concurrent S3 requests per task; default: the number of LAKE_TRANSFER_PROFILE."
    )
    spark_backend: Literal["duckdb", "local", "emr-serverless", "glue", "kubernetes"] = Field(
        "duckdb",
        description="Place where tables with `engine: spark` are built: local (Spark on the worker), emr-serverless, glue or "
        "kubernetes (declared in lake.yml). duckdb builds them in the task, without Spark; the rows are the same.",
    )
    athena_backend: Literal["athena", "duckdb"] = Field(
        "athena",
        description="Place where tables with `engine: athena` are built. duckdb builds them in the task, without Athena.",
    )
    scratch_dir: Path = Field(
        default_factory=lambda: Path(gettempdir()) / "lakeworks", description="Local folder for downloads and spilling."
    )
    lineage_url: str = Field(
        "file",
        description="Target of OpenLineage events: off, file (below the scratch folder), file:<folder>, http(s)://…, or "
        "client (the OpenLineage client's own configuration).",
    )
    pii_salt: SecretStr | None = Field(
        None, min_length=16, description="Secret that is put before personal data before hashing."
    )
    serving_url: SecretStr | None = Field(
        None, description="PostgreSQL that serves tables: postgresql://user:password@host/database?sslmode=verify-full."
    )
    airflow_url: SecretStr | None = Field(
        None,
        description="Airflow's address for `lakeworks status` (without it no run states) and `lakeworks backfill`: "
        "https://user:password@host.",
    )
    alert_url: SecretStr | None = Field(
        None,
        description="Webhook that is notified of late tables (JSON with a `text`); without it, they are only logged.",
    )
    kms_key_id: str | None = Field(None, description="KMS key for the bucket; default: SSE-S3.")
    encryption: Literal["default", "AES256", "aws:kms"] = Field(
        "default",
        description="Encryption that every write names, for buckets whose policy refuses writes without: AES256, aws:kms (with "
        "LAKE_KMS_KEY_ID, if set), or default: the bucket's own setting.",
    )
    bucket_owner: str | None = Field(
        None,
        pattern=r"^\d{12}$",
        description="AWS account of the bucket: S3 refuses every request if another account owns it. boto3 then sends all.",
    )
    tenant: str | None = Field(None, description="Tenant of the command line; default: the whole lake.")
    dev: str | None = Field(
        None, description="Dev lake that commands read and write (docs/dev.md); default: the live lake."
    )
    tenant_conn_prefix: str = Field(
        "aws_",
        description="Prefix of tenants' Airflow connections: the connection with a tenant's AWS credentials is this "
        "prefix and its id.",
    )
    config_file: Path | None = Field(
        None, description="Path of a lake.yml for one deployment; default: the project's own."
    )
    price_book: Path | None = Field(
        None, description="Path of an S3 price book; default: the newest one in the package."
    )

    @field_validator("region")
    @classmethod
    def _region_is_named(cls, region: str) -> str:
        """Require a region: an assumed one could put bucket and catalog silently into another country."""
        if not region:
            raise ValueError(
                "no region is set; set it, or AWS_REGION or AWS_DEFAULT_REGION, to a value such as eu-central-1"
            )
        return region

    @property
    def transfer(self) -> TransferProfile:
        """Return the transfer profile with the threads of this deployment."""
        return PROFILES[self.transfer_profile].with_threads(self.transfer_threads)


@lru_cache(maxsize=1)
def current_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        ConfigError: a variable is missing or has a wrong value; the message names each.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(f"LAKE_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"The environment is not set up: {problems}. See .env.example for every setting.") from error


def deployed_tenants() -> tuple[Tenant, ...]:
    """Return the tenants with their own DAGs (`LAKE_TENANTS=acme,globex`). It needs no other setting, so DAG files may call it.

    Raises:
        ConfigError: an id is wrong or named twice.
    """
    tenants = tuple(Tenant(part.strip()) for part in _Deployment().tenants.split(",") if part.strip())
    if len(set(tenants)) != len(tenants):
        raise ConfigError(f"LAKE_TENANTS names a tenant twice: {', '.join(map(str, tenants))}. Name each once.")
    return tenants


def deployed_config_file() -> Path | None:
    """Return the file of LAKE_CONFIG_FILE, if there is one. It needs no other setting, so DAG files may call it."""
    return _ConfigFile().config_file
