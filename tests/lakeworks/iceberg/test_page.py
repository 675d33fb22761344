"""The query of docs/iceberg.md, as it is there, over the table that the lake ships with `catalog.iceberg`."""

import os
import re
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from tests.conftest import KEYS
from tests.lakeworks.iceberg.orders import Orders

PAGE = Path(__file__).parents[3] / "docs" / "iceberg.md"


def test_the_pages_query_runs_as_it_is_there(lake: Lake, moto_url: str) -> None:
    sales = Orders(lake, moto_url, load_contract("gold.commerce.department_sales"))
    rows = [
        (date(2017, 3, number), name, "USD", 1, 2, 1, Decimal("0.00"), Decimal(f"{number}.50"))
        for number in (1, 2)
        for name in ("DAIRY", "GROCERY")
    ]
    sales.publish(
        [(date(2017, 2, 28), "DAIRY", "USD", 1, 2, 1, Decimal("0.00"), Decimal("100.00"))],
        period=Period.parse("2017-02"),
    )
    sales.publish(rows, period=Period.parse("2017-03"))
    (text,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    environment = {
        **os.environ, "AWS_ENDPOINT_URL": moto_url, "AWS_DEFAULT_REGION": "us-east-1", "PYICEBERG_CATALOG__LAKE__S3__ENDPOINT": moto_url,
        "AWS_ACCESS_KEY_ID": KEYS["aws_access_key_id"], "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_access_key"],
    }  # fmt: skip
    ran = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    totals, *snapshots = ran.stdout.splitlines()
    assert totals == "{'department': ['DAIRY', 'GROCERY'], 'line_amount_sum': [Decimal('4.00'), Decimal('4.00')]}"
    assert [line.split(" ", 1)[1] for line in snapshots] == ["publish run-1 1", "publish run-2 5"]
