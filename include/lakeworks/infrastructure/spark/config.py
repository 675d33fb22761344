"""`spark:` of lake.yml: the services that run Spark for tables with `engine: spark`."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from lakeworks.infrastructure.lifecycle_config import Part

RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/")]
ServiceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/#-]{1,64}$")]
DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class EmrServerlessConfig(Part):
    """An EMR Serverless application. It starts with a job, and stops by itself."""

    role_arn: RoleArn = Field(description="Role of the jobs; it must exist (`lakeworks policy --for spark`).")
    name: ServiceName | None = Field(None, description="Default: the bucket's name.")
    release: str = Field(
        "emr-7.9.0", pattern=r"^emr-\d+\.\d+\.\d+$", description="EMR release; from 7.0 it is Spark 3.5."
    )
    architecture: Literal["ARM64", "X86_64"] = "ARM64"
    max_vcpus: int = Field(32, ge=1, description="vCPUs of all jobs together.")
    max_memory_gb: int = Field(128, ge=1, description="Memory of all jobs together.")
    idle_minutes: int = Field(5, ge=1, le=10080, description="Idle minutes after which the application stops.")


class GlueJobConfig(Part):
    """A Glue job."""

    role_arn: RoleArn = Field(description="Role of the job; it must exist (`lakeworks policy --for spark`).")
    name: ServiceName | None = Field(None, description="Default: the bucket's name.")
    version: str = Field("5.0", pattern=r"^\d+\.\d+$", description="Glue version; 5.0 is Spark 3.5.")
    worker_type: Literal["G.1X", "G.2X", "G.4X", "G.8X"] = "G.1X"
    workers: int = Field(4, ge=2, le=299, description="Workers of a run, one of them the driver.")
    runs_at_once: int = Field(8, ge=1, le=1000, description="Runs at once; Glue refuses more, and Airflow retries.")


class KubernetesConfig(Part):
    """Spark jobs of the Spark operator in a cluster."""

    namespace: DnsLabel
    image: str = Field(min_length=1, description="Image with Spark and hadoop-aws.")
    service_account: DnsLabel = Field("spark", description="Service account of the drivers, with rights in S3.")
    api: str | None = Field(
        None, pattern=r"^https?://", description="Address of Kubernetes; default: this pod's cluster."
    )
    spark_version: str = Field("3.5.3", pattern=r"^\d+\.\d+\.\d+$", description="Spark of the image.")
    executors: int = Field(2, ge=1)
    executor_cores: int = Field(1, ge=1)
    executor_memory: str = Field("4g", pattern=r"^\d+[mg]$")
    driver_memory: str = Field("2g", pattern=r"^\d+[mg]$")


class SparkConfig(Part):
    """Services for LAKE_SPARK_BACKEND; each is needed only for its own value."""

    emr_serverless: EmrServerlessConfig | None = None
    glue: GlueJobConfig | None = None
    kubernetes: KubernetesConfig | None = None
    timeout_minutes: int = Field(360, ge=5, le=7200, description="Minutes after which AWS ends a job.")
    conf: dict[str, str] = Field(default_factory=dict, description="Further settings of Spark, of EMR and Kubernetes.")

    @field_validator("conf")
    @classmethod
    def _is_spark_setting(cls, conf: dict[str, str]) -> dict[str, str]:
        for name, value in conf.items():
            if not name.startswith("spark.") or any(character.isspace() for character in name + value):
                raise ValueError(
                    f"`{name}: {value}` is no setting of Spark: a name that begins with `spark.`, and no blanks"
                )
        return conf
