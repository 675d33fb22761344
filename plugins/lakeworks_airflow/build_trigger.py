"""A trigger that waits until another engine has built a table's rows."""

import asyncio
from typing import TYPE_CHECKING, Any

from lakeworks.errors import ConfigError
from lakeworks_airflow.connections import connect_lake
from lakeworks_airflow.look_trigger import LookTrigger

if TYPE_CHECKING:
    from lakeworks.lake import Lake
    from lakeworks.ledger.build_plan import BuildPlan, RemoteEngine

ENDED = "ENDED"


class BuildTrigger(LookTrigger):
    """Trigger that looks at a build, and stops it if a person ends the task meanwhile.

    :param build: the build's id.
    :param prefix: the staging prefix of its attempt, with the plan.
    :param tenant: as in LakeOperator.
    """

    def __init__(self, build: str, prefix: str, tenant: str | None, look_every: float, until: float) -> None:
        super().__init__(look_every, until)
        self.build = build
        self.prefix = prefix
        self.tenant = tenant

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger's class path and arguments."""
        arguments = {name: getattr(self, name) for name in ("build", "prefix", "tenant", "look_every", "until")}
        return f"{__name__}.BuildTrigger", arguments

    def connected(self) -> "tuple[Lake, RemoteEngine, BuildPlan]":
        """Return the lake, the engine and the plan of the build."""
        return planned_build(connect_lake(self.tenant), self.prefix)

    def ended(self, connection: "tuple[Lake, RemoteEngine, BuildPlan]") -> dict[str, str] | None:
        """Return an event if the build has ended, well or badly; None while it runs."""
        lake, engine, plan = connection
        return self.event(ENDED, "") if engine.ended(self.build, plan, lake.store) else None

    def event(self, status: str, message: str) -> dict[str, str]:
        """Return an event of the build."""
        return {"build": self.build, "prefix": self.prefix, "status": status, "message": message}

    async def on_kill(self) -> None:
        """Stop the build: a person marked or cleared the task. A triggerer that restarts does not come here."""
        _, engine, _ = await asyncio.to_thread(self.connected)
        await asyncio.to_thread(engine.stop, self.build)


def planned_build(lake: "Lake", prefix: str) -> "tuple[Lake, RemoteEngine, BuildPlan]":
    """Return a lake with the engine and the plan of an attempt.

    Raises:
        ConfigError: the attempt has no plan, or this deployment no such engine any more.
    """
    from lakeworks.ledger.build_plan import BuildPlan

    plan = BuildPlan.load(lake.store, prefix)
    engine = lake.engines(plan.engine) if plan else None
    if plan is None or engine is None:
        raise ConfigError(
            f"`{lake.store.uri(prefix)}` has no plan of a build, or its engine is not set up here any more. Nothing was "
            "published. Check LAKE_SPARK_BACKEND and LAKE_ATHENA_BACKEND, then clear the task."
        )
    return lake, engine, plan
