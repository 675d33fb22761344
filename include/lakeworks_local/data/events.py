"""Files that tills write at the end of a day: the sample shop's transactions as JSON Lines.

    python -m lakeworks_local.data.events <folder> 2017-03-01 [2017-03-02 ...]

writes `<folder>/commerce_events/<day>/till-367.jsonl`; the folder is an inbox (connection `file_drop`, file:///...), or is
copied to `inbox/` of the lake's bucket. Every 50th event is written twice, as a till does after a lost connection.

The shop's stream has the same events, and before each order some views of each of its products. Views are made up: tills note
none.
"""

import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from lakeworks_local.data.completejourney import BUSIEST_STORE
from lakeworks_local.replay.shop import Event, Shop, money, text

VIEWS = 8  # of each product
_TYPES = {"placed": "order_placed", "cancelled": "order_cancelled", "refunded": "order_refunded"}


def lines(shop: Shop, day: date) -> Iterator[str]:
    """Return a UTC day's events in which money moved."""
    for event in shop.events:
        if event.at.date() == day and event.kind in _TYPES:
            line = json.dumps(_event(event))
            yield from [line] * (2 if event.basket.number % 50 == 0 else 1)


def streamed(shop: Shop, first: date, last: date) -> Iterator[str]:
    """Return the events of some UTC days as the shop's stream has them, by time: orders, and the views before them."""
    events = []
    for event in shop.events:
        if first <= event.at.date() <= last and event.kind in _TYPES:
            events.append((event.at, json.dumps(_event(event))))
            events += list(_views(event)) if event.kind == "placed" else []
    yield from (line for _, line in sorted(events))


def _views(event: Event) -> Iterator[tuple[datetime, str]]:
    """Return views of each product of an order, one every five seconds, until it is placed."""
    basket = event.basket
    for place, line in enumerate(basket.lines):
        for number in range(VIEWS):
            at = event.at - timedelta(seconds=5 * VIEWS * (len(basket.lines) - place) - 5 * number)
            view = {
                "event_id": f"{basket.number}-view-{place}-{number}", "event_type": "product_viewed", "occurred_at": text(at),
                "customer_id": basket.household, "product_id": line.product_id, "location_id": basket.store,
                "channel": "web",
            }  # fmt: skip
            yield at, json.dumps(view)


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
    from lakeworks_local.replay.shopify import sample_shop

    for day in sys.argv[2:]:
        print(drop(Path(sys.argv[1]), sample_shop(BUSIEST_STORE), date.fromisoformat(day)))
