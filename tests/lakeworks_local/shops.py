"""A small shop by hand, so that tests need no package: orders of a few days, some corrected later."""

from datetime import UTC, datetime, timedelta

from lakeworks_local.data.completejourney import Basket, BasketLine, CatalogueEntry
from lakeworks_local.replay.shop import Shop

FIRST = datetime(2017, 1, 1, 15, tzinfo=UTC)
PER_DAY, DAYS = 12, 4
CANCELLED = (1019, 1050)


def small_shop(_: int = 0) -> Shop:
    """Twelve orders a day by five households, two cancelled and two refunded; product 9 is missing from the catalogue."""
    baskets = tuple(
        Basket(
            number=6_000 + day * 100 + place,
            household=1 + place % 5,
            store=367,
            placed_at=FIRST + timedelta(days=day, minutes=43 * place),
            lines=(
                BasketLine(1 + place % 3, 1 + place % 2, 250 + place, 10),
                BasketLine(9 if place == 7 else 4, 1, 99, 0),
            ),
        )
        for day in range(DAYS)
        for place in range(PER_DAY)
    )
    products = tuple(CatalogueEntry(n, f"Product {n}", "GROCERY", "National 1") for n in range(1, 8))
    return Shop(baskets, products, {1: "age:35-44"})


def cancelled_shop(_: int = 0) -> Shop:
    """Two orders of one evening, both cancelled on the next day (their numbers decide that)."""
    baskets = tuple(
        Basket(number, 1, 367, FIRST + timedelta(hours=8, minutes=50), (BasketLine(1, 1, 250, 0),))
        for number in CANCELLED
    )
    return Shop(baskets, (CatalogueEntry(1, "Product 1", "GROCERY", "National 1"),), {})
