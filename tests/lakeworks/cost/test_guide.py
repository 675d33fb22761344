"""The figures of docs/guide/small-lake.md, to the cent."""

import re
from pathlib import Path

from lakeworks.cost.year_simulation import Year, load_scenario, waterfall
from lakeworks.prices import load_price_book

GUIDE = Path(__file__).resolve().parents[3] / "docs/guide"


def test_a_small_lake_costs_what_the_guide_says() -> None:
    found = load_scenario(GUIDE / "small-lake.yml")
    year = Year(load_price_book(), "us-east-1", found.history_days)
    always, switched = (
        waterfall(year, found.flows, found.before, found.changes, switch=switch) for switch in (False, True)
    )
    expected = [
        (one.name, f"{one.usd_after:.2f}", f"{one.saved:.2f}" if place else "-", f"{other.usd_after:.2f}")
        for place, (one, other) in enumerate(zip(always, switched, strict=True))
    ]
    text = (GUIDE / "small-lake.md").read_text()
    printed = re.findall(r"^\| ([^|]+?) \| (\d+\.\d\d) \| (-|-?\d+\.\d\d) \| (\d+\.\d\d) \|$", text, re.MULTILINE)
    assert printed == expected
    kept = always[-2].usd_after / 12
    assert f"${round(kept, 1):.2f} a month" in text
