"""Advice from access logs, proposals, and query logs: what is suggested, and that the arithmetic is right."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeworks.core.names import TableName
from lakeworks.cost.access_log import LoggedAccess, parse_lines
from lakeworks.cost.bill import BillingPeriod, Reads
from lakeworks.cost.lifecycle import StorageLife
from lakeworks.cost.partition_advice import Query, TableFacts, advise_partitions, filters, read_log
from lakeworks.cost.proposal import Proposal, effects
from lakeworks.cost.storage_class_advice import advise, reads_of
from lakeworks.errors import ConfigError
from lakeworks.prices import GIB, ObjectVersion, load_price_book
from tests.conftest import contract_of

BOOK, REGION = load_price_book(), "us-east-1"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
WINDOW = BillingPeriod.run_rate(NOW)
# The S3 user guide's own examples, the second with a key that was encoded twice.
OWNER = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
GET = (
    f"{OWNER} amzn-s3-demo-bucket1 [06/Nov/2026:00:00:38 +0000] 192.0.2.3 {OWNER} 3E57427F3EXAMPLE REST.GET.OBJECT "
    'silver/market/prices/x "GET /amzn-s3-demo-bucket1/silver/market/prices/x?versionId=v HTTP/1.1" 200 - 113 2097152 7 - '
    '"-" "S3Console/0.4 \\"quoted\\"" v s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 '
    "ECDHE-RSA-AES128-GCM-SHA256 AuthHeader amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com TLSV1.2 arn:aws:s3:x Yes"
)
LISTING = GET.replace("REST.GET.OBJECT silver/market/prices/x", "REST.GET.BUCKET -")
REFUSED = GET.replace('HTTP/1.1" 200 - 113', 'HTTP/1.1" 403 AccessDenied 113')
ODD = GET.replace(
    "REST.GET.OBJECT silver/market/prices/x", "REST.GET.OBJECT silver/tenant%253Dacme/market/prices/a%2520b"
)
PUT = GET.replace("REST.GET.OBJECT", "REST.PUT.OBJECT")


def test_access_logs_are_read_as_documented() -> None:
    found = list(parse_lines([GET, LISTING, REFUSED, ODD, PUT, "", "not a log line", GET.replace("06/Nov", "99/Nov")]))
    at = datetime(2026, 11, 6, 0, 0, 38, tzinfo=UTC)
    assert found == [
        LoggedAccess(at, "REST.GET.OBJECT", "silver/market/prices/x", 113, 2097152),
        LoggedAccess(at, "REST.GET.OBJECT", "silver/tenant=acme/market/prices/a b", 113, 2097152),
        LoggedAccess(at, "REST.PUT.OBJECT", "silver/market/prices/x", 113, 2097152),
    ]
    reads, last = reads_of([*found, LoggedAccess(at - timedelta(days=60), "REST.GET.OBJECT", "old", 1, 1)], WINDOW)
    assert reads == {"silver/market/prices/x": Reads(1, 113), "silver/tenant=acme/market/prices/a b": Reads(1, 113)}
    assert last["silver/market/prices/x"] == at


def stock(days: int, storage_class: str = "STANDARD", size: int = GIB, count: int = 10) -> list[ObjectVersion]:
    return [
        ObjectVersion(f"silver/market/prices/{days}-{n}", size, storage_class, NOW - timedelta(days=days))
        for n in range(count)
    ]


def only_advice(holdings: list[ObjectVersion], reads: dict[str, Reads] | None = None) -> Any:
    (found,) = advise(holdings, reads or {}, {}, window=WINDOW, book=BOOK, region=REGION)
    return found


def test_data_without_reads_goes_cold_and_the_move_is_priced() -> None:
    found = only_advice(stock(200))
    assert (found.suggested, found.reads, found.last_access) == ("GLACIER_IR", 0, None)
    assert (found.usd_now, found.usd_suggested) == pytest.approx((0.23, 0.04))
    assert found.one_time_usd == pytest.approx(10 * 0.02 / 1000)
    assert "back in 0.0 months" in found.why


def test_what_is_read_often_stays_because_retrieval_costs_more() -> None:
    """Each GB read once a month: GLACIER_IR would cost 0.004 + 0.03 a GB, STANDARD_IA 0.0125 + 0.01, STANDARD 0.023."""
    holdings = stock(200)
    found = only_advice(holdings, {item.key: Reads(1, GIB) for item in holdings})
    assert (found.suggested, found.storage_class) == ("STANDARD", "STANDARD")
    assert "cheapest as it is" in found.why


def test_what_went_cold_too_early_comes_back() -> None:
    holdings = stock(200, "GLACIER_IR")
    found = only_advice(holdings, {item.key: Reads(10, 10 * GIB) for item in holdings})
    assert found.suggested in ("STANDARD", "INTELLIGENT_TIERING")
    assert found.saving_usd == pytest.approx(10 * (0.004 + 10 * 0.03 + 10 * 0.01 / 1000) - found.usd_suggested)


def test_small_objects_stay_where_they_are() -> None:
    assert only_advice(stock(200, size=10 << 10)).suggested == "STANDARD"


def test_archives_and_bookkeeping_are_not_advised_on() -> None:
    metadata = ObjectVersion("metadata/x", GIB, "STANDARD", NOW)
    assert advise([*stock(200, "DEEP_ARCHIVE"), metadata], {}, {}, window=WINDOW, book=BOOK, region=REGION) == []


def the_effect(holdings: list[ObjectVersion], **proposal: Any) -> Any:
    (found,) = effects(holdings, Proposal(**proposal), BOOK, REGION, NOW)
    return found


def test_a_lifecycle_before_and_after() -> None:
    found = the_effect(stock(200) + stock(10), lifecycle=lambda _: StorageLife(((90, "GLACIER_IR"),)))
    assert (found.usd, found.usd_after) == pytest.approx((20 * 0.023, 10 * 0.023 + 10 * 0.004))
    assert found.one_time_usd == pytest.approx(10 * 0.02 / 1000)
    assert found.months_to_pay == pytest.approx(0.0002 / 0.19)


def test_moving_early_out_of_a_class_bills_its_minimum_duration() -> None:
    found = the_effect(stock(40, "GLACIER_IR"), lifecycle=lambda _: StorageLife(((30, "DEEP_ARCHIVE"),)))
    assert found.one_time_usd == pytest.approx(10 * 0.05 / 1000 + 10 * 0.004 * 50 / 30)


def test_compression_and_compaction_before_and_after() -> None:
    small = [ObjectVersion(f"silver/a/b/day=1/{n}", 8 << 20, "STANDARD", NOW - timedelta(days=200)) for n in range(100)]
    found = the_effect(small, compression=0.5, compact_to_bytes=100 << 20)
    assert (found.objects, found.objects_after) == (100, 4)
    assert (found.bytes, found.bytes_after) == (800 << 20, 400 << 20)
    assert found.usd_after == pytest.approx(found.usd / 2)
    assert found.one_time_usd == pytest.approx(100 * 0.0004 / 1000 + 4 * 0.005 / 1000)
    assert the_effect(small, compact_to_bytes=1 << 20).objects_after == 100, "compaction never splits"


def test_a_proposal_that_saves_nothing_never_pays() -> None:
    found = the_effect(
        stock(200, size=10 << 10), lifecycle=lambda _: StorageLife(((90, "GLACIER_IR"),), minimum_bytes=0)
    )
    assert found.saving_usd < 0, "10 KB are billed as 128 KB there"
    assert found.months_to_pay is None
    assert effects(stock(200), Proposal(layers=("gold",)), BOOK, REGION, NOW) == []


def test_filters_are_read_from_sql() -> None:
    sql = """
        WITH recent AS (SELECT * FROM silver_market.prices p WHERE p.day >= DATE '2026-01-01' AND p.symbol IN ('A', 'B'))
        SELECT * FROM recent JOIN acme__gold_market.names n ON n.id = recent.id WHERE n.country = 'CH' AND price > 3
    """
    assert filters(sql) == {
        TableName.parse("silver.market.prices"): {"day", "symbol"},
        TableName.parse("gold.market.names"): {"country"},  # whose `price` is, only the catalog knows
    }
    assert filters("SELEC") == {}
    assert filters("SELECT 1") == {}


def test_partition_advice_from_a_query_log() -> None:
    contract = contract_of(
        "silver.market.prices", partition_by=["day(at)"], grain=["id"],
        columns={
            "id": {"type": "bigint", "required": True, "description": "key"},
            "at": {"type": "timestamp", "description": "when"},
            "symbol": {"type": "string", "description": "what"},
            "region": {"type": "string", "description": "where"},
        },
    )  # fmt: skip
    queries = [Query(f"SELECT * FROM silver_market.prices WHERE {where}", 100) for where in
               ["at > TIMESTAMP '2026-01-01'", "region = 'eu' AND at > TIMESTAMP '2026-01-01'", "region = 'us' AND symbol = 'A'", "1 = 1"]]  # fmt: skip
    facts = TableFacts(partitions=10, bytes=10 * GIB, distinct={"region": 4, "symbol": 50_000})
    found = {use.column: use for use in advise_partitions(queries, lambda _: contract, lambda _: facts)}
    assert (found["at"].queries, found["at"].is_partition, found["at"].advice) == (2, True, "partitions are skipped")
    assert found["region"].advice == "add it to partition_by: 4 values, partitions of 256 MB"
    assert found["symbol"].advice.startswith("too seldom")
    assert found["(none)"].advice == "25% of queries read every partition: filter by at or day or month or year"
    assert found["(none)"].scanned_bytes == 100
    often = [Query("SELECT * FROM silver_market.prices WHERE symbol = 'A'")]
    (use,) = advise_partitions(often, lambda _: contract, lambda _: facts)
    assert (
        use.advice
        == "50000 values would make partitions of 0.02 MB: sort by it (grain order) instead of partitioning by it"
    )
    (use,) = advise_partitions(often, lambda _: contract, lambda _: TableFacts(10, GIB, {}))
    assert use.advice.startswith("count its values first")
    tiny = TableFacts(partitions=1000, bytes=1000 << 20, distinct={})
    (use,) = advise_partitions([queries[0]], lambda _: contract, lambda _: tiny)
    assert use.advice == "partitions are skipped, but hold 1.0 MB on average: coarser partitions open fewer files"


def test_a_broken_query_log_names_the_line() -> None:
    assert list(read_log(['{"sql": "SELECT 1", "scanned_bytes": 5}', ""])) == [Query("SELECT 1", 5)]
    with pytest.raises(ConfigError, match="Line 2"):
        list(read_log(['{"sql": "SELECT 1"}', "[]"]))
