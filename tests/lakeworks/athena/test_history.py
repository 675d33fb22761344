"""A work group's history: every page, every query, also those that an answer left out."""

import pytest

from lakeworks.athena.history import past_queries
from lakeworks.errors import LakeNotFound, LakeUnavailable
from tests.lakeworks.athena.conftest import GROUP, Shop, statement


def run(shop: Shop, count: int) -> None:
    for number in range(count):
        asked = statement(f"SELECT {number} AS n, id FROM silver_shop.orders WHERE year = '2017' LIMIT 1")
        execution = shop.athena.executions[shop.queries.start(asked, str(number))]
        execution.state, execution.scanned = "SUCCEEDED", 100 + number


def test_every_query_is_read_newest_first_whatever_an_answer_leaves_out(shop: Shop) -> None:
    run(shop, 120)
    shop.athena.reach = 20
    found = list(past_queries(shop.queries.client, GROUP, 1000, shop.queries.sleep))
    assert sorted(item.scanned_bytes for item in found) == list(range(100, 220))
    assert found[0].scanned_bytes == 219
    assert len(list(past_queries(shop.queries.client, GROUP, 70, shop.queries.sleep))) == 70


def test_what_scanned_nothing_says_nothing(shop: Shop) -> None:
    run(shop, 2)
    shop.queries.stop(shop.queries.start(statement("SELECT 1 AS one"), "stopped"))
    assert len(list(past_queries(shop.queries.client, GROUP, 10))) == 2


def test_answers_that_stay_incomplete_are_no_history(shop: Shop) -> None:
    run(shop, 3)
    shop.athena.reach = 0
    with pytest.raises(LakeUnavailable, match="left 3 queries of work group `lake` out of 5 answers"):
        list(past_queries(shop.queries.client, GROUP, 10, shop.queries.sleep))
    assert shop.slept == [0.5, 1, 2, 4]
    with pytest.raises(LakeNotFound, match="no work group `nobodys`"):
        list(past_queries(shop.queries.client, "nobodys", 10))
