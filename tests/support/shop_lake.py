"""A small shop: orders as received, orders with types (rows quarantined, e-mails withheld), and totals of each day.

Descriptions and values are partly hostile, as strangers send them.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.downstream_rebuild import rebuild
from tests.lakeworks.publications.test_publications import published

RECEIVED, ORDERS, TOTALS = "bronze.shop.orders", "silver.shop.orders", "gold.shop.daily_totals"
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"
EMAIL = "jane@example.com"
_FILES = {
    f"{RECEIVED}/contract.yml": f"""\
version: 1.2.0
description: "Orders as the shop sent them. {HOSTILE}"
team: sales
source: file_drop.orders
grain: []
partition_by: [day]
schema_policy: widen
columns:
  id: {{type: bigint, description: Key.}}
  placed_at: {{type: timestamp, description: Moment of the order.}}
  amount: {{type: 'decimal(10,2)', description: Euros.}}
  email: {{type: string, pii: true, description: Buyer.}}
  note: {{type: string, description: "Text of the buyer. {HOSTILE}"}}
""",
    f"{ORDERS}/contract.yml": """\
version: 2.0.1
description: One row per order.
team: sales
tags: [revenue]
grain: [id]
partition_by: [day(placed_at)]
quarantine: {limit: 0.9}
freshness: {max_age_hours: 6}
columns:
  id: {type: bigint, required: true, description: Key.}
  placed_at: {type: timestamp, required: true, description: Moment of the order.}
  amount: {type: 'decimal(10,2)', required: true, minimum: 0, description: Euros.}
  email: {type: string, pii: true, description: Buyer.}
  note: {type: string, description: Text of the buyer.}
checks:
  - {expectation: expect_table_row_count_to_be_between, severity: warn, kwargs: {min_value: 2}, description: A day has orders.}
""",
    f"{ORDERS}/transform.sql": """\
SELECT
  CAST(id AS BIGINT) AS id,
  CAST(placed_at AS TIMESTAMP) AS placed_at,
  CAST(amount AS DECIMAL(10, 2)) AS amount,
  CAST(email AS VARCHAR) AS email,
  CAST(note AS VARCHAR) AS note
FROM bronze_shop.orders
""",
    f"{TOTALS}/contract.yml": """\
version: 1.0.0
description: Sales of one day.
team: finance
grain: [sales_date]
partition_by: [day(sales_date)]
columns:
  sales_date: {type: date, required: true, description: Day (UTC).}
  order_count: {type: bigint, required: true, description: Number of orders.}
  revenue: {type: 'decimal(18,2)', required: true, description: Euros of all orders.}
""",
    f"{TOTALS}/transform.sql": """\
SELECT
  CAST(placed_at AS DATE) AS sales_date,
  CAST(COUNT(*) AS BIGINT) AS order_count,
  CAST(SUM(amount) AS DECIMAL(18, 2)) AS revenue
FROM silver_shop.orders
GROUP BY CAST(placed_at AS DATE)
""",
}


def write_shop(root: Path) -> Path:
    """Write the project and return its folder."""
    (root / "lake.yml").parent.mkdir(parents=True, exist_ok=True)
    (root / "lake.yml").write_text("")
    for name, text in _FILES.items():
        table, _, file = name.rpartition("/")
        path = root / "include/lake/tables" / table.replace(".", "/") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def fill_shop(lake: Lake, run_at: Callable[..., Run]) -> None:
    """Publish two days: five orders on the first, of which one is below zero, and two on the second.

    The second day is published twice: at first an order was missing.
    """
    first = [(1, "10.00"), (2, "20.50"), (3, "0.00"), (4, "-5.00"), (5, "12345678.91")]
    _day(lake, "2024-01-05", [(key, amount) for key, amount in first], run_at(1))
    _day(lake, "2024-01-06", [(6, "7.00")], run_at(2))
    _day(lake, "2024-01-06", [(6, "7.00"), (7, "8.25")], run_at(3))


def _day(lake: Lake, day: str, orders: list[tuple[int, str]], run: Run) -> None:
    rows = [
        {
            "id": key,
            "placed_at": datetime.fromisoformat(f"{day}T10:00:00"),
            "amount": Decimal(amount),
            "email": EMAIL,
            "note": HOSTILE,
        }
        for key, amount in orders
    ]
    period = Period.parse(day)
    published(lake, load_contract(RECEIVED), rows, run, period)
    for table in (ORDERS, TOTALS):
        rebuild(lake, table, period, run)
