"""A shop at a given time: real baskets as Shopify orders that are later fulfilled, cancelled and refunded.

Baskets, products and household bands are real. Data that a grocery's till does not have follows rules that depend on the
basket's number alone: fulfilment hours later, 2 % cancellations within a day, 5 % refunds of a line within three weeks. Names,
e-mail addresses, telephones and streets are synthetic and say so (example.com, 555-01xx, `synthetic contact` in tags).
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from lakeworks_local.data.completejourney import Basket, BasketLine, CatalogueEntry

OrderEvent = Literal["placed", "fulfilled", "cancelled", "refunded"]
Json = dict[str, Any]
ZONE = ZoneInfo("America/New_York")
OPENED = datetime(2016, 12, 1, 15, tzinfo=UTC)  # when products and accounts were entered: before the first basket


@dataclass(frozen=True)
class Event:
    """An event of an order. `cents` is the money moved, negative for a refund."""

    basket: Basket
    kind: OrderEvent
    at: datetime
    cents: int


class Listed(NamedTuple):
    """An object of the shop: its number, time of its last change, and its JSON."""

    number: int
    updated_at: datetime
    make: Callable[[], Json]


@dataclass(frozen=True)
class Shop:
    """The shop's data over all time; `now` selects what exists by then."""

    baskets: tuple[Basket, ...]
    products: tuple[CatalogueEntry, ...]
    tags: dict[int, str]
    opened: datetime = OPENED

    def moved(self, by: timedelta) -> "Shop":
        """Return the same shop at another time."""
        baskets = tuple(replace(basket, placed_at=basket.placed_at + by) for basket in self.baskets)
        return replace(self, baskets=baskets, opened=self.opened + by)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Return all events, by time."""
        return tuple(
            sorted((e for basket in self.baskets for e in history(basket)), key=lambda e: (e.at, e.basket.number))
        )

    def orders(self, now: datetime) -> list[Listed]:
        """Return the orders, by number."""
        happened: dict[int, list[Event]] = {}
        for event in self.events:
            if event.at > now:
                break
            happened.setdefault(event.basket.number, []).append(event)
        return [Listed(number, known[-1].at, partial(order_json, known)) for number, known in sorted(happened.items())]

    def customers(self, now: datetime) -> list[Listed]:
        """Return the accounts, by number. An order changes its customer's account."""
        bought: dict[int, list[Basket]] = {basket.household: [] for basket in self.baskets}
        for basket in self.baskets:
            if basket.placed_at <= now:
                bought[basket.household].append(basket)
        return [
            Listed(
                number,
                max([self.opened, *(basket.placed_at for basket in some)]),
                partial(self._customer, number, some),
            )
            for number, some in sorted(bought.items())
        ]

    def catalogue(self, _: datetime) -> list[Listed]:
        """Return the products; they never change."""
        return [Listed(entry.number, self.opened, partial(product_json, entry, self.opened)) for entry in self.products]

    def _customer(self, number: int, bought: list[Basket]) -> Json:
        spent = sum(line.paid for basket in bought for line in basket.lines)
        return {
            **person(number),
            "created_at": text(self.opened),
            "updated_at": text(max([self.opened, *(basket.placed_at for basket in bought)])),
            "state": "enabled",
            "verified_email": True,
            "orders_count": len(bought),
            "total_spent": money(spent),
            "currency": "USD",
            "tags": ", ".join(filter(None, [self.tags.get(number), "synthetic contact"])),
            "default_address": {"id": number, **address(number)},
        }


def history(basket: Basket) -> Iterator[Event]:
    """Return the events of one order."""
    dice, total = zlib.crc32(str(basket.number).encode()), sum(line.paid for line in basket.lines)
    yield Event(basket, "placed", basket.placed_at, total)
    if dice % 50 == 0:
        yield Event(basket, "cancelled", basket.placed_at + timedelta(hours=1 + dice // 50 % 20), -total)
        return
    yield Event(basket, "fulfilled", basket.placed_at + timedelta(hours=2 + dice // 50 % 24), 0)
    if dice % 20 == 1:
        line = refunded_line(basket)
        yield Event(basket, "refunded", basket.placed_at + timedelta(hours=27 + dice // 50 % 480), -line.paid)


def refunded_line(basket: Basket) -> BasketLine:
    """Return the most expensive line; of equal ones the first."""
    return max(basket.lines, key=lambda line: line.paid)


def order_json(known: list[Event]) -> Json:
    """Return an order after the events so far."""
    basket, when = known[0].basket, {event.kind: event for event in known}
    number, lines = basket.number, [line_json(basket, position) for position in range(len(basket.lines))]
    back = [event for event in known if event.kind in ("cancelled", "refunded")]
    cancelled, fulfilled = when.get("cancelled"), when.get("fulfilled")
    paid = sum(line.paid for line in basket.lines)
    gross = sum(_gross(line) for line in basket.lines)
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Order/{number}",
        "name": f"#{number % 10_000_000}",
        "order_number": number % 10_000_000,
        "email": person(basket.household)["email"],
        "phone": None,
        "created_at": text(basket.placed_at),
        "updated_at": text(known[-1].at),
        "processed_at": text(basket.placed_at),
        "closed_at": text(fulfilled.at) if fulfilled else None,
        "cancelled_at": text(cancelled.at) if cancelled else None,
        "cancel_reason": "customer" if cancelled else None,
        "currency": "USD",
        "total_price": money(paid),
        "subtotal_price": money(paid),
        "total_tax": "0.00",
        "total_discounts": money(gross - paid),
        "total_line_items_price": money(gross),
        "financial_status": "refunded" if cancelled else "partially_refunded" if back else "paid",
        "fulfillment_status": "fulfilled" if fulfilled else None,
        "tags": f"store:{basket.store}",
        "test": False,
        "source_name": "pos",
        "location_id": basket.store,
        "customer": {**person(basket.household), "state": "enabled", "tags": ""},
        "line_items": lines,
        "shipping_lines": [],
        "discount_codes": [],
        "refunds": [refund_json(event, index) for index, event in enumerate(back)],
        "billing_address": address(basket.household),
        "shipping_address": address(basket.household),
    }


def line_json(basket: Basket, position: int) -> Json:
    """Return a line. The piece price is rounded up to a cent, and the discount is increased by the difference."""
    line = basket.lines[position]
    return {
        "id": basket.number * 1000 + position,
        "product_id": line.product_id,
        "variant_id": line.product_id * 10,
        "sku": str(line.product_id),
        "title": f"Product {line.product_id}",
        "quantity": line.quantity,
        "price": money(_unit(line)),
        "total_discount": money(_gross(line) - line.paid),
        "vendor": "grocery",
        "tax_lines": [],
    }


def refund_json(event: Event, index: int) -> Json:
    """Return a refund paid at the till."""
    number = event.basket.number * 10 + index
    return {
        "id": number,
        "created_at": text(event.at),
        "note": event.kind,
        "refund_line_items": [],
        "transactions": [{"id": number, "kind": "refund", "status": "success", "amount": money(-event.cents)}],
    }


def product_json(entry: CatalogueEntry, opened: datetime) -> Json:
    """Return a product with its one variant."""
    return {
        "id": entry.number,
        "admin_graphql_api_id": f"gid://shopify/Product/{entry.number}",
        "title": entry.title,
        "handle": f"product-{entry.number}",
        "vendor": entry.maker,
        "product_type": entry.department,
        "status": "active",
        "tags": "",
        "created_at": text(opened),
        "updated_at": text(opened),
        "published_at": text(opened),
        "variants": [
            {
                "id": entry.number * 10, "product_id": entry.number, "title": "Default Title", "sku": str(entry.number),
                "price": "0.00", "position": 1, "inventory_quantity": 0,
            }
        ],
    }  # fmt: skip


def person(number: int) -> Json:
    """Return a synthetic contact."""
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Customer/{number}",
        "email": f"household-{number}@example.com",
        "first_name": "Household",
        "last_name": str(number),
        "phone": f"+1555{100 + number % 100:07d}",
    }


def address(number: int) -> Json:
    """Return a synthetic address: seven of ten households live in Ohio, two in Kentucky, one in Indiana."""
    province, area = ("OH", 45) if number % 10 < 7 else ("KY", 41) if number % 10 < 9 else ("IN", 47)
    return {
        "first_name": "Household", "last_name": str(number), "address1": f"{number} Sample Street", "city": "Springfield",
        "province_code": province, "zip": f"{area}{number % 1000:03d}", "country_code": "US", "phone": None,
    }  # fmt: skip


def text(moment: datetime) -> str:
    """Return a time as the API writes it: in the shop's zone, with the current offset."""
    return moment.astimezone(ZONE).isoformat(timespec="seconds")


def money(cents: int) -> str:
    """As the API writes it."""
    return f"{cents // 100}.{cents % 100:02d}" if cents >= 0 else f"-{money(-cents)}"


def _unit(line: BasketLine) -> int:
    return -(-(line.paid + line.discount) // line.quantity) if line.quantity else line.paid


def _gross(line: BasketLine) -> int:
    return _unit(line) * line.quantity if line.quantity else line.paid
