"""Choice of the engine for a table's `engine`, by the deployment's settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lakeworks.core.tenant import Tenant
from lakeworks.ledger.build_plan import RemoteEngine
from lakeworks.settings import Settings

NewClient = Callable[[str], Any]


@dataclass(frozen=True)
class RemoteEngines:
    """The engines of one deployment, or of a tenant's share. Each is made when the first table needs it."""

    settings: Settings
    client: NewClient
    tenant: Tenant | None = None
    _made: dict[str, RemoteEngine | None] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, name: str) -> RemoteEngine | None:
        """Return the engine of that name; None if the table is built in this process.

        Raises:
            ConfigError: lake.yml declares no Athena work group.
        """
        if name not in self._made:
            self._made[name] = self._spark() if name == "spark" else self._athena() if name == "athena" else None
        return self._made[name]

    def _spark(self) -> RemoteEngine | None:
        if self.settings.spark_backend == "duckdb":
            return None
        from lakeworks.engines.remote.local_spark import LocalSpark

        return LocalSpark(self.settings.scratch_dir, cores=self.settings.threads)

    def _athena(self) -> RemoteEngine | None:
        if self.settings.athena_backend == "duckdb":
            return None
        from lakeworks.athena.builds import AthenaBuilds
        from lakeworks.athena.executions import QueryExecutions
        from lakeworks.infrastructure.config import work_group_name

        tenant = str(self.tenant) if self.tenant else None
        group = work_group_name(self.settings.config_file, self.settings.bucket, tenant)
        return AthenaBuilds(QueryExecutions(self.client("athena"), group))
