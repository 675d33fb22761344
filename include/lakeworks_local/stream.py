"""The walkthrough's stream: the sample shop's events are put, landed by a consumer of the stack, and compared at the end."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lakeworks_local.plan import StreamedDays
from lakeworks_local.replay.shopify import TILL
from lakeworks_local.stack.process import StackError
from lakeworks_local.stack.stack import Stack, direct_session

_PATIENCE = 60


@dataclass
class LocalStream:
    """One stream of the walkthrough. `command` runs `lakeworks` on the stack."""

    stack: Stack
    command: Callable[..., str]
    days: StreamedDays
    _sent: int = field(default=0, init=False)
    _began: str = field(default="", init=False)

    def put(self) -> int:
        """Start the consumer, put the events, and return their number."""
        assert self.stack.addresses is not None
        self.stack.consume(self.days.name)
        address = f"{self.stack.addresses.replay}{TILL}"
        answer = direct_session().get(
            address, params={"first": str(self.days.first), "last": str(self.days.last)}, timeout=120
        )
        answer.raise_for_status()
        file = self.stack.run / "stream-events.jsonl"
        file.write_text(answer.text)
        self._began = f"{datetime.now(UTC):%Y-%m-%dT%H}"
        before = self._landed()
        sent = json.loads(self.command("stream", "put", self.days.name, str(file), "--json"))["sent"]
        self._sent = before + sent
        return int(sent)

    def close(self) -> dict[str, str]:
        """Wait until every event has landed, close the hour, and return the hours to publish."""
        deadline = time.monotonic() + _PATIENCE
        while (landed := self._landed()) < self._sent:
            self.stack.check()
            if time.monotonic() > deadline:
                raise StackError(
                    f"{landed} of {self._sent} streamed events landed in {_PATIENCE} s; see stream-consumer.log."
                )
            time.sleep(1)
        hour = json.loads(self.command("stream", "close", self.days.name, "--json"))["hour"]
        return {"from": self._began, "to": hour}

    def compared(self) -> list[dict[str, Any]]:
        """Return the day's sums of both sides; an unexplained difference is an error of the command."""
        rows = json.loads(self.command("stream", "reconcile", self.days.name, str(self.days.compare), "--json"))
        return [
            {
                "day": row["shop_date"],
                "live_usd": row["live_amount"],
                "batch_usd": row["published_amount"],
                "agree": "no" if row["differs"] else "yes",
                "why": row["reason"] or "to the cent",
            }
            for row in rows
            if row["kind"] == "day"
        ]

    def _landed(self) -> int:
        return sum(row["records"] for row in json.loads(self.command("stream", "status", self.days.name, "--json")))
