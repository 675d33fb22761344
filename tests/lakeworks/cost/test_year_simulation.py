"""The simulated year: against a naive day-by-day count, and the figures that docs/cost.md prints."""

import io
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.contract import Storage
from lakeworks.cost.year_simulation import (
    DAYS,
    Flow,
    Practice,
    SimulatedRule,
    Step,
    Year,
    load_scenario,
    total,
    waterfall,
)
from lakeworks.errors import ConfigError
from lakeworks.parquet.encoder import ParquetPart
from lakeworks.prices import GIB, load_price_book

BOOK, REGION = load_price_book(), "us-east-1"
ROOT = Path(__file__).resolve().parents[3]
SCENARIO = load_scenario()
FLOW = Flow(table="silver.a.b", mb_per_day=1024, files_per_day=4, rewrites=2, reads=((10, 2.0), (300, 0.1)))
TIERED = Practice(
    lifecycle={"silver": SimulatedRule(after_days={30: "STANDARD_IA", 60: "GLACIER_IR"}, expire_after_days=400)},
    old_versions_days=5, leftovers_days=3, leftovers_share=0.1,
)  # fmt: skip


def counted(flow: Flow, practice: Practice, history: int, *, switch: bool) -> Counter[str]:
    """The same year counted naively: every day, every cohort, one at a time."""
    rule, found = practice.lifecycle.get(flow.layer, SimulatedRule()), Counter[str]()
    size, days_a_month = flow.mb_per_day * 2**20 / flow.files_per_day, 365 / 12

    def class_at(age: int) -> str | None:
        if rule.expire_after_days and age >= rule.expire_after_days:
            return None
        return next((name for day, name in sorted(rule.after_days.items(), reverse=True) if age >= day), "STANDARD")

    for cohort in range(-history, DAYS):
        for today in range(max(cohort, 0), DAYS):
            age = today - cohort
            here, before = class_at(age), class_at(age - 1) if age else None
            if switch and cohort < 0 and today == 0:
                before = "STANDARD"
            if here:
                found["storage"] += BOOK.stored_per_month(REGION, here, int(size)) * flow.files_per_day / days_a_month
                if before and here != before:
                    found["transitions"] += flow.files_per_day * BOOK.price(REGION, here).transition / 1000
                for (until, a_day), since in zip(flow.reads, [0, *(u for u, _ in flow.reads)], strict=False):
                    if since <= age < until:
                        found["retrieval"] += a_day * flow.mb_per_day / 1024 * BOOK.price(REGION, here).retrieval
            month = BOOK.price(REGION, "STANDARD").storage * flow.mb_per_day / 1024 / days_a_month
            found["old versions"] += month * sum(0 <= age - nth < practice.old_versions_days for nth in (1, 2))
            found["leftovers"] += month * practice.leftovers_share * 3 * (age < practice.leftovers_days)
    return found


@pytest.mark.parametrize("switch", [False, True])
def test_the_year_is_what_a_naive_count_gives(switch: bool) -> None:
    bill = Year(BOOK, REGION, 100).bill([FLOW], TIERED, before=Practice() if switch else None)
    found = Counter[str]()
    for charge in bill:
        found["storage" if charge.reason.startswith("storage") else charge.reason] += charge.usd
    expected = counted(FLOW, TIERED, 100, switch=switch)
    assert {name: found[name] for name in expected} == pytest.approx(dict(expected), rel=1e-9)


def test_leaving_a_class_early_is_billed() -> None:
    """60 days in GLACIER_IR, which bills 90: 30 more for each cohort that leaves within the year."""
    rule = SimulatedRule(after_days={100: "GLACIER_IR", 160: "DEEP_ARCHIVE"})
    charges = Year(BOOK, REGION, 0).bill(
        [Flow(table="bronze.a.b", mb_per_day=1024, files_per_day=1)], Practice(lifecycle={"bronze": rule})
    )
    early = {charge.reason: charge.usd for charge in charges}["early deletion"]
    assert early == pytest.approx((365 - 160) * 30 * 0.004 * 12 / 365)


def test_archiving_what_is_still_read_is_refused() -> None:
    practice = Practice(lifecycle={"silver": SimulatedRule(after_days={200: "DEEP_ARCHIVE"})})
    with pytest.raises(
        ConfigError, match=r"`silver.a.b` is read 0.1 times a day at an age of 200 to 300 days.*Archive it later"
    ):
        Year(BOOK, REGION, 300).bill([FLOW], practice)


@cache
def steps(*, switch: bool) -> list[Step]:
    return waterfall(
        Year(BOOK, REGION, SCENARIO.history_days), SCENARIO.flows, SCENARIO.before, SCENARIO.changes, switch=switch
    )


def test_the_documented_table_is_what_the_simulation_gives() -> None:
    """Each line of docs/cost.md, to the cent, for a lake always run so and for one that switches."""
    text = (ROOT / "docs" / "cost.md").read_text()
    printed = re.findall(
        r"^\| ([^|]+?) +\| +([\d,.]+) +\| +(-|[\d,.]+) +\| +(-|[\d.]+ %) +\| +([\d,.]+) +\|$", text, re.MULTILINE
    )
    fresh = [
        (always.name, f"{always.usd_after:,.2f}", f"{always.saved:,.2f}" if n else "-", f"{always.share * 100:.1f} %" if n else "-", f"{switched.usd_after:,.2f}")
        for n, (always, switched) in enumerate(zip(steps(switch=False), steps(switch=True), strict=True))
    ]  # fmt: skip
    assert printed == fresh, "\n".join("| " + " | ".join(line) + " |" for line in fresh)


@pytest.mark.parametrize("switch", [False, True])
def test_more_than_half_is_saved_even_by_a_lake_that_was_tidy_before(switch: bool) -> None:
    """Tidy: replaced versions and leftovers were bounded already; only format, file size and classes change."""
    found = steps(switch=switch)
    first, tidy, last = found[0].usd_after, found[2].usd_after, found[-1].usd_after
    assert (first - last) / first > 0.8
    assert (tidy - last) / tidy > 0.65
    assert sum(step.share for step in found) == pytest.approx((first - last) / first)
    assert all(step.saved > 0 for step in found[1:])


def test_the_bytes_factor_is_what_our_writer_does_to_real_trips(tmp_path: Path) -> None:
    """0.8 of snappy Parquet in the order received: measured here on the sample months, not assumed."""
    files = sorted((ROOT / "include" / "lakeworks_local" / "data").glob("yellow_tripdata_*.parquet"))
    trips = pa.concat_tables([pq.read_table(file) for file in files], promote_options="permissive")
    snappy = io.BytesIO()
    pq.write_table(trips, snappy)
    part = ParquetPart(trips.schema, Storage(), tmp_path)
    for batch in trips.to_batches():
        part.add(batch)
    ours = part.finish()
    assert isinstance(ours, bytes)
    assert trips.num_rows == 70_000
    factor = len(ours) / snappy.tell()
    assert factor <= SCENARIO.changes["zstd instead of snappy"]["bytes_factor"]["silver"] + 0.005
    assert factor > 0.6


def test_the_total_is_that_of_every_table() -> None:
    other = FLOW.model_copy(update={"table": "silver.a.c", "mb_per_day": 1.0})
    year = Year(BOOK, REGION, 10)
    charges = year.bill([FLOW, other], TIERED)
    assert {charge.table for charge in charges} == {"silver.a.b", "silver.a.c"}
    alone = [total(year.bill([flow], TIERED)) for flow in (FLOW, other)]
    assert total(charges) == pytest.approx(sum(alone))
    assert alone[0] > 10 * alone[1] > 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("flows: [", "is no YAML"),
        ("description: x\nflows: []\nchanges: {}\nbefor: {}", "befor"),
        ("flows: 1", "flows"),
    ],
)
def test_a_broken_scenario_names_the_field(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "year.yml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=says):
        load_scenario(path)


def test_a_missing_price_is_named() -> None:
    practice: Any = Practice(lifecycle={"silver": SimulatedRule(after_days={30: "STANDARD_IA"})})
    with pytest.raises(ConfigError, match="region `mars-1`"):
        Year(BOOK, "mars-1").bill([FLOW], practice)
    assert GIB == 2**30
