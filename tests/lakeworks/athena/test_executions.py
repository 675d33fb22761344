"""Executions against the protocol server: paid once, waited for, stopped when the wait ends, every end with its own error."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from lakeworks.errors import LakeAccessDenied, LakeNotFound, LakeUnavailable, QueryFailed, ScanLimitExceeded
from tests.lakeworks.athena.conftest import GROUP, Shop, statement

DAY = "year = '2017' AND month = '03' AND day = '01'"
ONE_DAY = f"SELECT id, total FROM silver_shop.orders WHERE {DAY} AND order_date = ? ORDER BY id"


def test_rows_come_in_the_contracts_types(shop: Shop) -> None:
    asked = statement(
        "SELECT id, order_date, placed_at, customer, total, weight, is_test, picture, items, SUM(total) OVER () AS all_of_it, "
        f"CAST(NULL AS VARCHAR) AS nothing, '' AS empty FROM silver_shop.orders WHERE {DAY} AND order_date = ? ORDER BY id LIMIT 1",
        "2017-03-01",
    )
    end = shop.queries.wait(shop.queries.start(asked, "test"), 60)
    shop.queries.check(end, asked)
    table = shop.queries.rows(end).read_all()
    assert table.to_pylist() == [
        {
            "id": 0, "order_date": date(2017, 3, 1), "placed_at": datetime(2017, 3, 1, 9, 30, 0, 123000), "customer": "c0",
            "total": Decimal("600.05"), "weight": 1.5, "is_test": False, "picture": b"\x00\xff", "items": "[1, 2]",
            "all_of_it": Decimal("2400.20"), "nothing": None, "empty": "",
        }
    ]  # fmt: skip
    assert [str(kind) for kind in table.schema.types[:6]] == [
        "int64", "date32[day]", "timestamp[us]", "string", "decimal128(18, 2)", "double"
    ]  # fmt: skip
    assert end.scanned_bytes == shop.day_bytes  # of three days, one was read


def test_every_page_is_read_and_the_headings_are_no_row(shop: Shop) -> None:
    asked = statement("SELECT n, 'x' AS id FROM UNNEST(sequence(1, 2500)) AS t(n)")
    end = shop.queries.wait(shop.queries.start(asked, "test"), 60)
    shop.queries.check(end, asked)
    batches = list(shop.queries.rows(end))
    assert [batch.num_rows for batch in batches] == [999, 1000, 501]
    assert sum(batch["n"].to_pylist()[-1] for batch in batches) == 999 + 1999 + 2500


def test_a_retry_finds_its_own_query_and_pays_once(shop: Shop) -> None:
    asked = statement(ONE_DAY, "2017-03-01")
    first = shop.queries.start(asked, "run 1, task report")
    again = shop.queries.start(asked, "run 1, task report", attempt=2)
    other_run = shop.queries.start(asked, "run 2, task report")
    other_value = shop.queries.start(statement(ONE_DAY, "2017-03-02"), "run 1, task report")
    assert first == again
    assert len({first, other_run, other_value}) == len(shop.athena.executions) == 3


def test_an_answer_that_gets_lost_starts_no_second_query(shop: Shop) -> None:
    shop.athena.lost["StartQueryExecution"] = 1
    shop.queries.start(statement(ONE_DAY, "2017-03-01"), "test")
    assert shop.athena.calls["StartQueryExecution"] == 2
    assert len(shop.athena.executions) == 1


def test_a_retry_after_a_failed_query_starts_another(shop: Shop) -> None:
    asked = statement(ONE_DAY, "2017-03-01")
    shop.athena.interrupt.append(
        {"ErrorCategory": 1, "ErrorType": 3, "Retryable": True, "ErrorMessage": "S3 slows down"}
    )
    end = shop.queries.wait(shop.queries.start(asked, "task"), 60)
    with pytest.raises(LakeUnavailable, match=r"failed for a reason that can pass: S3 slows down.*run it again"):
        shop.queries.check(end, asked)
    again = shop.queries.wait(shop.queries.start(asked, "task", attempt=2), 60)
    assert again.id != end.id
    shop.queries.check(again, asked)
    assert shop.queries.start(asked, "task", attempt=3) == again.id  # the newest that did not fail


def test_over_the_scan_limit_bytes_limit_and_missing_filter_are_named(shop: Shop) -> None:
    shop.athena.scale = 5_000_000 // shop.day_bytes
    asked = statement("SELECT id FROM silver_shop.orders WHERE order_date = ?", "2017-03-01")
    end = shop.queries.wait(shop.queries.start(asked, "test"), 60)
    says = (
        rf"stopped by its work group `{GROUP}`: it scanned {end.scanned_bytes:,} bytes, and the group allows 10,000,000 "
        r"bytes a query\..*read whole.*Add `year = '2017' AND month = '03' AND day = '01'`.*scan_limit_bytes"
    )
    with pytest.raises(ScanLimitExceeded, match=says):
        shop.queries.check(end, asked)
    narrow = statement(ONE_DAY, "2017-03-01")
    end = shop.queries.wait(shop.queries.start(narrow, "test"), 60)
    shop.queries.check(end, narrow)
    assert shop.queries.rows(end).read_all().num_rows == 4


def test_without_the_right_to_read_the_limit_the_error_is_the_same(shop: Shop) -> None:
    shop.athena.scale = 10_000_000

    shop.athena.denied.add("GetWorkGroup")
    asked = statement("SELECT id FROM silver_shop.orders")
    with pytest.raises(ScanLimitExceeded, match="a limit that these credentials may not read"):
        shop.queries.check(shop.queries.wait(shop.queries.start(asked, "test"), 60), asked)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_wait_stops_the_query(shop: Shop, interruption: type[BaseException]) -> None:
    def interrupted(_: float) -> None:
        raise interruption

    query = shop.queries.start(statement(ONE_DAY, "2017-03-01"), "test")
    object.__setattr__(shop.queries, "sleep", interrupted)
    with pytest.raises(interruption):
        shop.queries.wait(query, 60)
    assert shop.athena.executions[query].state == "CANCELLED"


def test_a_query_that_takes_too_long_is_stopped(shop: Shop) -> None:
    shop.athena.looks = 1000
    query = shop.queries.start(statement(ONE_DAY, "2017-03-01"), "test")
    with pytest.raises(QueryFailed, match=r"still ran after 20 seconds and was stopped"):
        shop.queries.wait(query, 20)
    assert shop.athena.executions[query].state == "CANCELLED"
    assert shop.slept[:6] == [0.25, 0.5, 1, 2, 4, 5]


def test_a_query_that_a_person_stops_is_no_reason_to_pay_again(shop: Shop) -> None:
    asked = statement(ONE_DAY, "2017-03-01")
    query = shop.queries.start(asked, "test")
    shop.queries.stop(query)
    with pytest.raises(QueryFailed, match=r"was stopped: Query cancelled by user.*Run it again if that was a mistake"):
        shop.queries.check(shop.queries.wait(query, 60), asked)


def test_a_stop_that_is_refused_says_how_a_person_stops_it(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    query = shop.queries.start(statement(ONE_DAY, "2017-03-01"), "test")
    shop.athena.denied.add("StopQueryExecution")
    shop.queries.stop(query)
    assert f"aws athena stop-query-execution --query-execution-id {query}" in caplog.text


def test_throttling_is_waited_out_and_then_can_be_tried_again(shop: Shop) -> None:
    shop.athena.throttled["GetQueryExecution"] = 3
    query = shop.queries.start(statement(ONE_DAY, "2017-03-01"), "test")
    assert shop.queries.wait(query, 60).state == "SUCCEEDED"
    shop.athena.throttled["StartQueryExecution"] = 99
    with pytest.raises(LakeUnavailable, match="TooManyRequestsException"):
        shop.queries.start(statement(ONE_DAY, "2017-03-01"), "another")


def test_a_group_that_forbids_is_one_clear_error(shop: Shop) -> None:
    asked = statement(ONE_DAY, "2017-03-01")
    shop.queries.client.update_work_group(WorkGroup=GROUP, State="DISABLED")
    with pytest.raises(QueryFailed, match=f"WorkGroup {GROUP} is disabled"):
        shop.queries.start(asked, "test")
    shop.athena.denied.add("StartQueryExecution")
    with pytest.raises(LakeAccessDenied, match="not authorized to perform: athena:StartQueryExecution"):
        shop.queries.start(asked, "test")
    del shop.athena.groups[GROUP]
    shop.athena.denied.clear()
    with pytest.raises(LakeNotFound, match="lakeworks bootstrap makes the one"):
        shop.queries.start(asked, "test")


def test_a_query_that_cannot_run_says_what_athena_says(shop: Shop) -> None:
    asked = statement("SELECT unknown_column FROM silver_shop.orders")
    with pytest.raises(QueryFailed, match=r"(?s)unknown_column.*Correct the query"):
        shop.queries.check(shop.queries.wait(shop.queries.start(asked, "test"), 60), asked)


def test_results_that_are_gone_are_no_empty_answer(shop: Shop) -> None:
    asked = statement(ONE_DAY, "2017-03-01")
    end = shop.queries.wait(shop.queries.start(asked, "test"), 60)
    shop.athena.executions.clear()
    with pytest.raises(QueryFailed, match="was not found"):
        shop.queries.rows(end)


def test_no_place_of_results_is_sent_because_the_group_has_one(shop: Shop) -> None:
    query = shop.queries.start(statement(ONE_DAY, "2017-03-01"), "test")
    assert "ResultConfiguration" not in shop.athena.executions[query].call
    found = shop.queries.client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
    assert found["ResultConfiguration"]["OutputLocation"].startswith("s3://lake/_results/")
