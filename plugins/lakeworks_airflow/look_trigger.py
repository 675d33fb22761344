"""A trigger that looks at work elsewhere until it ends. A look takes milliseconds in a thread and needs no aiobotocore."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from lakeworks.errors import ConfigError, TerminalError, TransientError
from lakeworks_airflow.connections import connect_lake

if TYPE_CHECKING:
    from lakeworks.lake import Lake
    from lakeworks.ledger.build_plan import BuildPlan, RemoteEngine

log = logging.getLogger(__name__)
STILL_RUNNING = "STILL RUNNING"
ENDED = "ENDED"


class LookTrigger(BaseTrigger):
    """Yields one event: the end that a look found, or that the time is over.

    :param look_every: seconds between two looks.
    :param until: the end of the wait as a moment, so that a triggerer started again does not wait from the beginning.
    """

    def __init__(self, look_every: float, until: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.look_every = look_every
        self.until = until

    def connected(self) -> Any:
        """Return what looks need, made once; it runs in a thread."""
        raise NotImplementedError

    def ended(self, connection: Any) -> dict[str, str] | None:
        """Return the event of work that has ended, None while it goes on; it runs in a thread."""
        raise NotImplementedError

    def event(self, status: str, message: str) -> dict[str, str]:
        """Return an event of this work."""
        raise NotImplementedError

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the end."""
        connection, unseen = await asyncio.to_thread(self.connected), ""
        while True:
            try:
                if event := await asyncio.to_thread(self.ended, connection):
                    break
                unseen = ""
            except TransientError as error:  # look again later: the work does not depend on this trigger
                unseen = f" (it was not seen lately: {error})"
                log.warning("%s: %s", self, error)
            except TerminalError as error:
                event = self.event("UNKNOWN", str(error))
                break
            if time.time() >= self.until:
                event = self.event(STILL_RUNNING, unseen)
                break
            await asyncio.sleep(self.look_every)
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]


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
