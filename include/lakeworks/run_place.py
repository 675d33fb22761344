"""Places of DAG runs: the owner's share of the lake or a tenant's, each live or as a dev lake.

Runs of all places are in one Airflow. A run in a dev lake or for a tenant says nothing of the live partitions of the owner.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lakeworks.settings import deployed_tenants


@dataclass(frozen=True)
class RunPlace:
    """The part of the lake in which a DAG run works; without arguments, the owner's live lake."""

    tenant: str = ""
    dev: str = ""

    def runs_here(self, runs: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Yield the runs of Airflow's API that work here. A tenant's DAG has its id at the end (`market__acme`)."""
        tenants = {self.tenant} if self.tenant else {str(tenant) for tenant in deployed_tenants()}
        for run in runs:
            _, mark, owner = str(run["dag_id"]).rpartition("__")
            is_tenants = bool(mark) and owner in tenants
            if is_tenants == bool(self.tenant) and ((run.get("conf") or {}).get("dev") or "") == self.dev:
                yield run
