"""The bill against arithmetic done by hand from the price book's figures (us-east-1)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeworks.core.layout import KeyOwner, owner_of
from lakeworks.cost.bill import Biller, BillingPeriod, Reads, grouped
from lakeworks.cost.lifecycle import Phase, StorageLife
from lakeworks.errors import ConfigError
from lakeworks.prices import GIB, ObjectVersion, load_price_book, monthly_cost

BOOK, REGION = load_price_book(), "us-east-1"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
IN_OCTOBER = BillingPeriod.month(2026, 10)


def held(key: str = "silver/market/prices/x", size: int = GIB, **changes: Any) -> ObjectVersion:
    return ObjectVersion(key, size, **{"storage_class": "STANDARD", "modified": NOW - timedelta(days=200), **changes})


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("silver/market/prices/year=2019/part-00000.parquet", KeyOwner("silver", "", "market", "silver.market.prices")),
        ("silver/tenant=acme/market/prices/x", KeyOwner("silver", "acme", "market", "silver.market.prices")),
        ("landing/transport/nyc_tlc/zones/x.csv", KeyOwner("landing", "", "transport", "nyc_tlc.zones")),
        ("_ledger/tenant=acme/gold/market/x/1.json", KeyOwner("_ledger", "acme", "market", "gold.market.x")),
        ("metadata/tenants/acme.json", KeyOwner("metadata")),
        ("_results/abc.csv", KeyOwner("_results")),
        ("stray", KeyOwner("")),
    ],
)  # fmt: skip
def test_a_key_tells_what_it_belongs_to(key: str, place: KeyOwner) -> None:
    assert owner_of(key) == place


@pytest.mark.parametrize(
    ("holding", "storage", "monitoring"),
    [
        (held(), 0.023, 0),
        (held(storage_class="GLACIER_IR"), 0.004, 0),
        # 10 KB are billed as 128 KB
        (held(storage_class="GLACIER_IR", size=10 << 10), 0.004 / 8192, 0),
        (held(storage_class="STANDARD_IA", size=10 << 10), 0.0125 / 8192, 0),
        # 32 KB more in its own class and 8 KB in STANDARD
        (held(storage_class="DEEP_ARCHIVE"), 0.00099 * (1 + 32 / 2**20) + 0.023 * 8 / 2**20, 0),
        (held(storage_class="INTELLIGENT_TIERING"), 0.023, 0.0025 / 1000),
        (held(storage_class="INTELLIGENT_TIERING", tier="INFREQUENT"), 0.0125, 0.0025 / 1000),
        (held(storage_class="INTELLIGENT_TIERING", tier="ARCHIVE_INSTANT_ACCESS"), 0.004, 0.0025 / 1000),
        # too small to be monitored
        (held(storage_class="INTELLIGENT_TIERING", size=1 << 10), 0.023 / 2**20, 0),
    ],
)  # fmt: skip
def test_a_month_of_lying_there(holding: ObjectVersion, storage: float, monitoring: float) -> None:
    cost = monthly_cost(holding, BOOK, REGION)
    assert (cost.storage, cost.monitoring) == pytest.approx((storage, monitoring), rel=1e-12)


def test_every_item_of_a_line_adds_up() -> None:
    """2 GB cold, half of it an old version; one object of three days; 1,000 reads of 500 MB each; one move fell due."""
    cold, old = held(storage_class="GLACIER_IR"), held(storage_class="GLACIER_IR", current=False)
    fresh = held("bronze/market/ticks/x", modified=NOW - timedelta(days=3))
    due = held("bronze/market/ticks/y", modified=NOW - timedelta(days=100))
    biller = Biller(
        BOOK, REGION, BillingPeriod.run_rate(NOW), lambda key: StorageLife(((90, "GLACIER_IR"),)) if "bronze" in key else StorageLife(),
        {cold.key: Reads(1000, 500 * GIB)},
    )  # fmt: skip
    bronze, silver = biller.lines([cold, old, fresh, due])
    assert (bronze.layer, bronze.objects, bronze.bytes, bronze.old_version_bytes) == ("bronze", 2, 2 * GIB, 0)
    assert bronze.requests_usd == pytest.approx(0.005 / 1000)
    assert bronze.transitions_usd == pytest.approx(0.02 / 1000)
    assert (silver.objects, silver.old_version_bytes, silver.storage_class) == (2, GIB, "GLACIER_IR")
    assert silver.storage_usd == pytest.approx(2 * 0.004)
    assert silver.requests_usd == pytest.approx(0.01)
    assert silver.retrieval_usd == pytest.approx(500 * 0.03)
    assert silver.total_usd == pytest.approx(0.008 + 0.01 + 15)


def test_a_calendar_month_counts_the_days_an_object_was_there() -> None:
    middle = datetime(2026, 10, 16, 12, tzinfo=UTC)
    biller = Biller(BOOK, REGION, IN_OCTOBER)
    (line,) = biller.lines([held(modified=middle), held(modified=NOW)])
    assert line.objects == 1, "what came later is not of that month"
    assert line.storage_usd == pytest.approx(0.023 * 15.5 / 31)
    (whole,) = biller.lines([held()])
    assert (whole.storage_usd, whole.requests_usd) == pytest.approx((0.023, 0))


def test_grouping_sums_everything_once() -> None:
    lines = Biller(BOOK, REGION, BillingPeriod.run_rate(NOW)).lines(
        [
            held(),
            held("silver/tenant=acme/market/prices/x"),
            held("gold/market/y/x"),
            held("_ledger/gold/market/y/1.json"),
        ]
    )
    by_tenant = grouped(lines, ["tenant"])
    assert [(line.tenant, line.objects, line.layer) for line in by_tenant] == [("", 3, ""), ("acme", 1, "")]
    assert sum(line.total_usd for line in by_tenant) == pytest.approx(sum(line.total_usd for line in lines))


@pytest.mark.parametrize(
    ("region", "storage_class", "says"),
    [
        ("ap-south-1", "STANDARD", "region `ap-south-1`"),
        (REGION, "EXPRESS_ONEZONE", "`EXPRESS_ONEZONE` in `us-east-1`"),
    ],
)
def test_a_missing_price_is_named(region: str, storage_class: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Biller(BOOK, region, BillingPeriod.run_rate(NOW)).lines([held(storage_class=storage_class)])


RULES = [
    {"Status": "Enabled", "Filter": {"Prefix": "bronze/"}, "Transitions": [{"Days": 90, "StorageClass": "GLACIER_IR"}]},
    {"Status": "Enabled", "Filter": {"Prefix": "bronze/old/"}, "Expiration": {"Days": 200}},
    {"Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}},
    {"Status": "Enabled", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"Days": 2}},
    {
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "bronze/", "ObjectSizeGreaterThan": 5}},
        "Expiration": {"Days": 3},
    },
    {"Status": "Enabled", "Prefix": "legacy/", "Expiration": {"Days": 4}},
]


def test_the_buckets_rules_are_read_as_s3_reads_them() -> None:
    assert StorageLife.of_rules(RULES, "bronze/x") == StorageLife(((90, "GLACIER_IR"),))
    assert StorageLife.of_rules(RULES, "bronze/old/x") == StorageLife(((90, "GLACIER_IR"),), 200)
    assert StorageLife.of_rules(RULES, "legacy/x") == StorageLife((), 4)
    assert StorageLife.of_rules(RULES, "gold/x") == StorageLife()


def test_a_life_in_phases() -> None:
    life = StorageLife(((90, "GLACIER_IR"), (365, "DEEP_ARCHIVE")), 1000)
    assert life.phases(GIB) == [
        Phase("STANDARD", 0, 90),
        Phase("GLACIER_IR", 90, 365),
        Phase("DEEP_ARCHIVE", 365, 1000),
    ]
    assert [life.class_at(age, GIB) for age in (0, 89, 90, 999, 1000)] == [
        "STANDARD", "STANDARD", "GLACIER_IR", "DEEP_ARCHIVE", None,
    ]  # fmt: skip
    assert life.phases(100) == [Phase("STANDARD", 0, 1000)], "S3 moves no object below 128 KB"
    assert life.class_at(100, GIB, "DEEP_ARCHIVE") == "DEEP_ARCHIVE", "nothing moves to a warmer class"


@pytest.mark.parametrize(
    "steps", [((90, "GLACIER_IRR"),), ((90, "GLACIER_IR"), (30, "STANDARD_IA")), ((1, "STANDARD"),)]
)
def test_a_lifecycle_that_cannot_be_is_refused(steps: Any) -> None:
    with pytest.raises(ConfigError, match="each later than the one before"):
        StorageLife(steps)


def test_object_tags_are_priced_on_every_version() -> None:
    """AWS: $0.01 a month for 10,000 tags. 5,000 objects with two tags each are 10,000."""
    objects = [held(f"silver/market/prices/{number}", size=1, current=number % 2 == 0) for number in range(5000)]
    two = {"owner": "market-data", "domain": "market"}
    (line,) = Biller(BOOK, REGION, BillingPeriod.run_rate(NOW), tags=lambda _: two).lines(objects)
    assert line.tags_usd == pytest.approx(0.01)
    assert line.total_usd == pytest.approx(line.storage_usd + 0.01)
    (free,) = Biller(BOOK, REGION, BillingPeriod.run_rate(NOW)).lines(objects)
    assert free.tags_usd == 0


def test_prefixes_of_any_depth_show_what_belongs_to_no_table_and_add_up() -> None:
    keys = ["silver/market/prices/year=2019/x", "silver/market/bars/x", "exports/crm/2026/x", "exports/y", "stray"]
    stock = [held(key, size=(n + 1) * GIB) for n, key in enumerate(keys)]
    whole = Biller(BOOK, REGION, BillingPeriod.run_rate(NOW)).lines(stock)
    for depth, expected in (
        (1, {"silver/": 3, "exports/": 7, "": 5}),
        (2, {"silver/market/": 3, "exports/crm/": 3, "exports/": 4, "": 5}),
        (
            9,
            {
                "silver/market/prices/year=2019/": 1,
                "silver/market/bars/": 2,
                "exports/crm/2026/": 3,
                "exports/": 4,
                "": 5,
            },
        ),
    ):
        lines = grouped(Biller(BOOK, REGION, BillingPeriod.run_rate(NOW), depth=depth).lines(stock), ["prefix"])
        assert {line.prefix: line.bytes // GIB for line in lines} == expected
        assert sum(line.total_usd for line in lines) == pytest.approx(sum(line.total_usd for line in whole))
