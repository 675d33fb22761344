"""Moves between storage classes, recomputed by hand from the price book's figures (us-east-1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.prices import GIB, Move, Objects, judge, load_price_book

BOOK = load_price_book()
MONTH = 365 / 12


def test_a_year_in_glacier_ir_by_hand() -> None:
    objects = Objects(1000, 1000 * GIB)
    (verdict,) = judge(BOOK, "us-east-1", [Move(90, "GLACIER_IR")], objects, life_days=455)
    assert verdict.days == 365
    assert verdict.stay == pytest.approx(1000 * 0.023 * 12)  # 1,000 GB for twelve months
    assert verdict.transition == pytest.approx(1000 * 0.02 / 1000)
    assert verdict.storage == pytest.approx(1000 * 0.004 * 12)
    assert verdict.saving == pytest.approx(276 - 0.02 - 48)
    # what is saved a month, 19 USD, is spent by reading 30 USD worth of retrieval and requests less than once
    assert verdict.break_even_reads == pytest.approx(
        (228 - 0.02) / (12 * (1000 * 0.03 + 1000 * (0.01 - 0.0004) / 1000))
    )
    assert "saves $227.98" in str(verdict)


def test_each_move_is_judged_against_the_class_before_it() -> None:
    moves = [Move(90, "GLACIER_IR"), Move(365, "DEEP_ARCHIVE")]
    first, second = judge(BOOK, "us-east-1", moves, Objects(10, 10 * GIB), life_days=1095)
    assert (first.previous, first.days, second.previous, second.days) == ("STANDARD", 275, "GLACIER_IR", 730)
    assert second.stay == pytest.approx(10 * 0.004 * 24)
    index = 10 * (32 * 1024 * 0.00099 + 8 * 1024 * 0.023) / GIB * 24
    assert second.storage == pytest.approx(10 * 0.00099 * 24 + index)


def test_deleting_before_the_minimum_duration_loses_money() -> None:
    (verdict,) = judge(BOOK, "us-east-1", [Move(90, "GLACIER_IR")], Objects(1, GIB), life_days=95)
    assert verdict.minimum_duration == pytest.approx(0.004 * 85 / MONTH)
    # five days of STANDARD do not pay for ninety of GLACIER_IR
    assert verdict.saving == pytest.approx(0.023 * 5 / MONTH - 0.00002 - 0.004 * 90 / MONTH)
    assert (verdict.saving < 0, "loses $" in str(verdict), verdict.break_even_reads) == (True, True, None)


def test_tiny_objects_lose_money_even_for_years() -> None:
    (verdict,) = judge(
        BOOK, "us-east-1", [Move(0, "DEEP_ARCHIVE")], Objects(1_000_000, 10_000 * 1_000_000), life_days=365
    )
    assert verdict.transition == pytest.approx(50)
    assert verdict.saving < 0


def test_reading_back_often_eats_the_saving() -> None:
    objects = Objects(100, 100 * GIB)
    seldom, often = (
        judge(BOOK, "us-east-1", [Move(90, "GLACIER_IR")], objects, life_days=455, reads_per_month=share)[0]
        for share in (0.1, 2.0)
    )
    assert seldom.saving > 0 > often.saving
    limit = seldom.break_even_reads
    (even,) = judge(BOOK, "us-east-1", [Move(90, "GLACIER_IR")], objects, life_days=455, reads_per_month=limit or 0)
    assert even.saving == pytest.approx(0, abs=1e-9)


@given(
    count=st.integers(1, 10**6), mean=st.integers(131_072, 10**9), days=st.integers(91, 3000),
    kind=st.sampled_from(["STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]),
)  # fmt: skip
def test_the_sum_is_linear_in_objects_and_better_with_time(count: int, mean: int, days: int, kind: str) -> None:
    def saving(objects: int, life: int) -> float:
        return judge(BOOK, "eu-central-1", [Move(30, kind)], Objects(objects, objects * mean), life_days=life)[0].saving

    assert saving(count, days) == pytest.approx(count * saving(1, days), rel=1e-6, abs=1e-9)
    assert saving(count, days + 200) >= saving(count, days)


def test_reading_from_glacier_costs_the_restore_the_copy_and_the_wait() -> None:
    """It was free: the price of a bulk restore, without the copy."""
    objects = Objects(1000, 1000 * GIB)
    (verdict,) = judge(BOOK, "us-east-1", [Move(90, "GLACIER")], objects, life_days=455, reads_per_month=0.5)
    once = 1000 * 0.01 + 1000 * (0.05 + 0.0004) / 1000 + 1000 * 0.023 * 7 / MONTH
    assert verdict.reads == pytest.approx(0.5 * 12 * once)
    assert "must be restored before every read: up to 5 h, then 7 days of a copy in STANDARD" in str(verdict)
    assert verdict.break_even_reads == pytest.approx(
        (verdict.saving + verdict.reads - verdict.stay_reads) / (12 * (once - 1000 * 0.0004 / 1000))
    )


def test_a_class_that_is_never_read_or_read_at_once_needs_no_restore() -> None:
    objects = Objects(1000, 1000 * GIB)
    (unread,) = judge(BOOK, "us-east-1", [Move(90, "GLACIER")], objects, life_days=455)
    (instant,) = judge(BOOK, "us-east-1", [Move(90, "GLACIER_IR")], objects, life_days=455, reads_per_month=0.5)
    assert "restored" not in f"{unread}{instant}"


def test_a_region_without_a_standard_restore_is_judged_by_the_bulk_one() -> None:
    objects = Objects(1000, 1000 * GIB)
    (verdict,) = judge(BOOK, "eu-central-1", [Move(90, "GLACIER")], objects, life_days=455, reads_per_month=0.5)
    assert "up to 12 h" in str(verdict)
