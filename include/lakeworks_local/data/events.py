"""Files that tills write at the end of a day: the sample shop's transactions as JSON Lines.

    python -m lakeworks_local.data.events <folder> 2017-03-01 [2017-03-02 ...]

writes `<folder>/commerce_events/<day>/till-367.jsonl`; the folder is an inbox (connection `file_drop`, file:///...), or is
copied to `inbox/` of the lake's bucket. Every 50th event is written twice, as a till does after a lost connection.
"""

import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from lakeworks_local.data.completejourney import BUSIEST_STORE
from lakeworks_local.replay.shop import Event, Shop, money, text
from lakeworks_local.replay.shopify import sample_shop

_TYPES = {"placed": "order_placed", "cancelled": "order_cancelled", "refunded": "order_refunded"}


def lines(shop: Shop, day: date) -> Iterator[str]:
    """Return a UTC day's events in which money moved."""
    for event in shop.events:
        if event.at.date() == day and event.kind in _TYPES:
            line = json.dumps(_event(event))
            yield from [line] * (2 if event.basket.number % 50 == 0 else 1)


def drop(inbox: Path, shop: Shop, day: date, store: int = BUSIEST_STORE) -> Path:
    """Write a day's file under a temporary name, and rename it once it is complete."""
    path = inbox / "commerce_events" / str(day) / f"till-{store}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text("".join(f"{line}\n" for line in lines(shop, day)))
    return unfinished.rename(path)


def _event(event: Event) -> dict[str, Any]:
    return {
        "event_id": f"{event.basket.number}-{event.kind}",
        "event_type": _TYPES[event.kind],
        "occurred_at": text(event.at),
        "order_id": event.basket.number,
        "customer_id": event.basket.household,
        "location_id": event.basket.store,
        "channel": "pos",
        "amount": money(event.cents),
        "currency": "USD",
    }


if __name__ == "__main__":
    for day in sys.argv[2:]:
        print(drop(Path(sys.argv[1]), sample_shop(BUSIEST_STORE), date.fromisoformat(day)))
