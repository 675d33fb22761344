"""The price book: complete, consistent, and clear about what it does not know."""

from pathlib import Path

import pytest

from lakeworks.errors import ConfigError
from lakeworks.prices import GIB, load_price_book

BOOK = load_price_book()
REGIONS = ("us-east-1", "us-east-2", "eu-west-1", "eu-central-1")


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_prices_every_class_and_colder_is_cheaper_to_keep_and_dearer_to_enter(region: str) -> None:
    prices = BOOK.region(region).classes
    assert set(prices) == set(BOOK.classes)
    colder = ("STANDARD", "STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
    assert [prices[name].storage for name in colder] == sorted((prices[n].storage for n in colder), reverse=True)
    assert [prices[name].put for name in colder] == sorted(prices[n].put for n in colder)
    assert [prices[name].transition for name in colder] == sorted(prices[n].transition for n in colder)


def test_the_book_says_where_and_when_its_prices_are_from() -> None:
    assert BOOK.source.startswith("https://aws.amazon.com/")
    assert str(BOOK.as_of) == "2025-10-28"
    assert BOOK.provenance


def test_a_month_of_a_gigabyte() -> None:
    assert BOOK.stored_per_month("us-east-1", "STANDARD", GIB) == pytest.approx(0.023)
    assert BOOK.stored_per_month("eu-central-1", "GLACIER_IR", GIB) == pytest.approx(0.005)
    monitored = 0.023 + 0.0025 / 1000
    assert BOOK.stored_per_month("us-east-1", "INTELLIGENT_TIERING", GIB) == pytest.approx(monitored)


def test_small_objects_are_billed_at_the_minimum_and_archives_carry_an_index() -> None:
    assert BOOK.stored_per_month("us-east-1", "GLACIER_IR", 1024) == pytest.approx(131072 / GIB * 0.004)
    # 1 KB + 32 KB at the archive's price, 8 KB at STANDARD's
    index = (33 * 1024 * 0.00099 + 8 * 1024 * 0.023) / GIB
    assert BOOK.stored_per_month("us-east-1", "DEEP_ARCHIVE", 1024) == pytest.approx(index)
    assert BOOK.stored_per_month("us-east-1", "INTELLIGENT_TIERING", 1024) == pytest.approx(1024 / GIB * 0.023)


def test_what_the_book_does_not_know_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no prices for region `ap-south-1`.*LAKE_PRICE_BOOK"):
        BOOK.price("ap-south-1", "STANDARD")
    with pytest.raises(ConfigError, match="no price for `EXPRESS_ONEZONE` in `us-east-1`"):
        BOOK.price("us-east-1", "EXPRESS_ONEZONE")
    with pytest.raises(ConfigError, match="does not know the storage class `EXPRESS_ONEZONE`"):
        BOOK.rules("EXPRESS_ONEZONE")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("as_of: 2026-01-01\nsource: x\nclasses: {}\nregions: {}\ntypo: 1", "`typo`"),
        ("[", "is no YAML"),
        (
            "as_of: 2026-01-01\nsource: x\nclasses: {}\nregions: {here: {classes: {STANDARD: {storage: 1, put: 1, get: 1}},"
            " monitoring: 0, inventory: 0, athena: 0, replication_transfer: 0}}",
            "classes without rules: STANDARD",
        ),
    ],
)
def test_a_wrong_file_is_reported_with_its_field(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "prices.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_price_book(path)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read.*LAKE_PRICE_BOOK"):
        load_price_book(tmp_path / "none.yml")
