"""Spark on Kubernetes: a SparkApplication for each job, run by the Spark operator (sparkoperator.k8s.io/v1beta2)."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lakeworks.engines.remote.job_service import JobEnd, JobName
from lakeworks.engines.remote.kubernetes_api import KubernetesApi
from lakeworks.errors import ConfigError, LakeNotFound, LostRace

GROUP, VERSION = "sparkoperator.k8s.io", "v1beta2"
_LABEL = {"app.kubernetes.io/managed-by": "lakeworks"}
_ENDS = ("COMPLETED", "FAILED", "SUBMISSION_FAILED")
_KEPT_SECONDS = 24 * 3600  # the operator removes an application that long after its end
# Hadoop's connector asks the pod's own credentials (IRSA, Pod Identity).
_S3 = {
    "spark.hadoop.fs.s3a.aws.credentials.provider": "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
}


@dataclass(frozen=True)
class PodSizes:
    """Driver and executors of a job; memory as Spark writes it."""

    executors: int = 2
    cores: int = 1
    memory: str = "4g"
    driver_memory: str = "2g"


@dataclass(frozen=True)
class KubernetesSpark:
    """The SparkApplications of one namespace. The image has Spark and hadoop-aws."""

    api: KubernetesApi
    namespace: str
    image: str
    service_account: str
    job_file: str
    spark_version: str = "3.5.3"
    sizes: PodSizes = PodSizes()
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    scheme: str = field(default="s3a", init=False)

    @property
    def path(self) -> str:
        """Return the path of the namespace's applications."""
        return f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/sparkapplications"

    def manifest(self, name: JobName, order: str) -> dict[str, Any]:
        """Return the application of a job. It is never restarted: Airflow decides that."""
        sizes = self.sizes
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "SparkApplication",
            "metadata": {"name": str(name), "namespace": self.namespace, "labels": _LABEL},
            "spec": {
                "type": "Python",
                "pythonVersion": "3",
                "mode": "cluster",
                "sparkVersion": self.spark_version,
                "image": self.image,
                "mainApplicationFile": self.job_file,
                "arguments": ["--order", order],
                "sparkConf": {**_S3, **self.spark_conf},
                "restartPolicy": {"type": "Never"},
                "timeToLiveSeconds": _KEPT_SECONDS,
                "driver": {
                    "cores": 1,
                    "memory": sizes.driver_memory,
                    "serviceAccount": self.service_account,
                    "labels": _LABEL,
                },
                "executor": {
                    "instances": sizes.executors,
                    "cores": sizes.cores,
                    "memory": sizes.memory,
                    "labels": _LABEL,
                },
            },
        }

    def describe(self) -> str:
        """Return the namespace, once the cluster has the Spark operator.

        Raises:
            ConfigError: it has none, or no such namespace.
        """
        try:
            self.api.request("GET", self.path, query={"limit": "1"})
        except LakeNotFound as error:
            raise self._missing(error) from error
        return f"Kubernetes namespace `{self.namespace}` at {self.api.url}"

    @staticmethod
    def _missing(error: LakeNotFound) -> ConfigError:
        return ConfigError(
            f"{error} No job was started. Install the Spark operator, and correct `spark.kubernetes.namespace` in lake.yml."
        )

    def submit(self, name: JobName, order: str) -> str:
        """Create the application; one of that name is the same job.

        Raises:
            ConfigError: the cluster has no Spark operator, or no such namespace.
        """
        try:
            with suppress(LostRace):
                self.api.request("POST", self.path, self.manifest(name, order))
        except LakeNotFound as error:
            raise self._missing(error) from error
        return str(name)

    def active(self) -> Iterator[tuple[JobName, str]]:
        """Yield the applications that have not ended."""
        label = ",".join(f"{key}={value}" for key, value in _LABEL.items())
        try:
            items = self.api.request("GET", self.path, query={"labelSelector": label}).get("items", [])
        except LakeNotFound:
            return  # `submit` says it better
        for item in items:
            name = JobName.parse(item["metadata"]["name"])
            if name and _state(item)[0] not in _ENDS:
                yield name, item["metadata"]["name"]

    def end_of(self, job: str) -> JobEnd | None:
        """Return the end of an application; None while it waits or runs. One that a person deleted has ended."""
        try:
            state, reason = _state(self.api.request("GET", f"{self.path}/{job}"))
        except LakeNotFound:
            return JobEnd(False, "its SparkApplication was deleted")
        return JobEnd(state == "COMPLETED", reason or state) if state in _ENDS else None

    def cancel(self, job: str) -> None:
        """Delete the application; the operator ends its pods."""
        with suppress(LakeNotFound):
            self.api.request(
                "DELETE",
                f"{self.path}/{job}",
                {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"},
            )

    def by_hand(self, job: str) -> str:
        """Return the command that deletes it."""
        return f"kubectl --namespace {self.namespace} delete sparkapplication {job}"


def _state(item: Mapping[str, Any]) -> tuple[str, str]:
    """Return state and message; a new application has none yet."""
    state = (item.get("status") or {}).get("applicationState") or {}
    return str(state.get("state", "")), str(state.get("errorMessage", "")).rstrip(". ")
