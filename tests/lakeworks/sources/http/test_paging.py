"""Pages follow each other by their Link header, and none comes twice."""

from datetime import UTC, datetime

import pytest

from lakeworks.sources.http.paging import Pages, next_link
from lakeworks.sources.http.retry import RetryableResponse
from lakeworks.sources.response import SourceResponse

NEXT = '<https://shop/orders.json?limit=2&page_info=abc%3D>; rel="next"'
PREVIOUS = '<https://shop/orders.json?limit=2&page_info=x>; rel="previous"'


def page(body: str, link: str = "") -> SourceResponse:
    return SourceResponse(
        body.encode(), "https://shop/orders.json", 200, {"link": link} if link else {}, datetime.now(UTC)
    )


@pytest.mark.parametrize(
    ("link", "query"),
    [
        ("", None),
        (PREVIOUS, None),
        (NEXT, {"limit": "2", "page_info": "abc="}),
        (f"{PREVIOUS}, {NEXT}", {"limit": "2", "page_info": "abc="}),
    ],
)
def test_the_next_page_is_the_links_query(link: str, query: dict[str, str] | None) -> None:
    assert next_link(page("1", link)) == query


def test_a_walk_ends_with_the_last_page() -> None:
    answers = [page("1", NEXT), page("2", f"{PREVIOUS}, {NEXT}"), page("3", PREVIOUS)]
    asked = []

    def take(number: int, query: dict[str, str] | None) -> SourceResponse:
        asked.append((number, (query or {}).get("page_info")))
        return answers[number - 1]

    assert [answer.text for answer in Pages("orders").walk(take)] == ["1", "2", "3"]
    assert asked == [(1, None), (2, "abc="), (3, "abc=")]


def test_a_page_that_came_before_is_not_taken() -> None:
    pages = Pages("orders")
    pages.check(page("1"))
    pages.add(page("1"))
    pages.check(page("2"))
    with pytest.raises(RetryableResponse, match="page 2 of orders is page 1 again"):
        pages.check(page("1"))
