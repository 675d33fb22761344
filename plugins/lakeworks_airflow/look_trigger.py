"""A trigger that looks at work elsewhere until it ends. A look takes milliseconds in a thread and needs no aiobotocore."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from lakeworks.errors import TerminalError, TransientError

log = logging.getLogger(__name__)
STILL_RUNNING = "STILL RUNNING"


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
