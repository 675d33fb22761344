"""A project of two tables: orders as they are received, and orders with types."""

from pathlib import Path

SOURCE = """\
version: 1.0.0
description: Orders as received.
team: sales
source: file_drop.orders
grain: []
partition_by: [day]
schema_policy: widen
columns:
  id: {type: bigint, description: Key.}
  placed_at: {type: timestamp, description: Moment of the order.}
  amount: {type: 'decimal(10,2)', description: Euros.}
"""
CONTRACT = """\
version: 1.0.0
description: One row per order.
team: sales
grain: [id]
partition_by: [day(placed_at)]
columns:
  id: {type: bigint, required: true, description: Key.}
  placed_at: {type: timestamp, required: true, description: Moment of the order.}
  amount: {type: 'decimal(10,2)', description: Euros.}
"""
SQL = """\
SELECT
  CAST(id AS BIGINT) AS id,
  CAST(placed_at AS TIMESTAMP) AS placed_at,
  CAST(amount AS DECIMAL(10, 2)) AS amount
FROM bronze_sales.orders
"""
EXAMPLES = """\
- name: an order
  period: 2024-01-05
  given:
    bronze.sales.orders:
      - {id: 1, placed_at: 2024-01-05 10:00:00, amount: 9.99}
  expect:
    - {id: 1, placed_at: 2024-01-05 10:00:00, amount: 9.99}
"""
RECEIVED = """\
- name: a row
  period: 2024-01-05
  given:
    landing:
      - {id: 1, placed_at: "2024-01-05 10:00:00", amount: "9.99"}
  expect:
    - {id: 1, placed_at: 2024-01-05 10:00:00, amount: 9.99}
"""


def write_project(root: Path) -> Path:
    """Write the project and return the folder of its tables."""
    (root / "lake.yml").write_text("")
    tables = root / "include/lake/tables"
    for layer, files in {
        "bronze": {"contract.yml": SOURCE, "examples.yml": RECEIVED},
        "silver": {"contract.yml": CONTRACT, "transform.sql": SQL, "examples.yml": EXAMPLES},
    }.items():
        folder = tables / layer / "sales/orders"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)
    return tables
