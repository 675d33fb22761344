"""Paged listings: find the next page, and detect pages that come twice."""

from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlsplit

from requests.utils import parse_header_links

from lakeworks.errors import MalformedSource
from lakeworks.sources.http.retry import RetryableResponse
from lakeworks.sources.response import SourceResponse

# A longer listing is treated as an endless cycle.
_MOST_PAGES = 100_000


def next_link(answer: SourceResponse) -> dict[str, str] | None:
    """Return the query of the next page from a Link header (RFC 8288); None on the last page."""
    for link in parse_header_links(answer.headers.get("link", "")):
        if link.get("rel") == "next":
            return dict(parse_qsl(urlsplit(link["url"]).query))
    return None


class Pages:
    """The pages of one listing.

    A broken cursor can return an earlier page again. Call `check` in the request's own `check`, so that such a page is
    requested again and never landed. Every later attempt would continue from a landed page.
    """

    def __init__(self, listing: str) -> None:
        self.listing = listing
        self._seen: dict[str, int] = {}

    def check(self, answer: SourceResponse) -> None:
        """Raise `RetryableResponse` for a page that came before; MalformedSource after the last attempt."""
        if answer.sha256 in self._seen:
            raise RetryableResponse(
                f"page {len(self._seen) + 1} of {self.listing} is page {self._seen[answer.sha256]} again",
                final=MalformedSource,
            )

    def walk(self, take: Callable[[int, dict[str, str] | None], SourceResponse]) -> Iterator[SourceResponse]:
        """Fetch every page by its Link header. `take(number, query)` gets numbers from 1; the first query is None."""
        query: dict[str, str] | None = None
        for number in range(1, _MOST_PAGES):
            answer = take(number, query)
            self.add(answer)
            yield answer
            query = next_link(answer)
            if query is None:
                return
        raise MalformedSource(
            f"{self.listing} has more than {_MOST_PAGES} pages. Nothing was staged. Request a shorter period."
        )

    def add(self, answer: SourceResponse) -> None:
        """Remember a page, new or read from landing."""
        self._seen.setdefault(answer.sha256, len(self._seen) + 1)
