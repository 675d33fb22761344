"""Stored pages about a domain's days: the pipeline writes them, the lake page shows them."""

import logging
from collections.abc import Sequence
from datetime import datetime

from lakeworks.core.layout import day_page_key, day_pages_prefix
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.site.day_facts import day_page, tables_of
from lakeworks.status.partition_index import PartitionIndex

log = logging.getLogger(__name__)


def store_day_pages(lake: Lake, domain: str, periods: Sequence[Period], now: datetime) -> list[str]:
    """Write a page for each period, over the one before, and return their keys. The lake is listed once for all of them.

    Raises:
        ConfigError: no table has that domain; nothing was written.
    """
    index, keys = PartitionIndex(lake, now), []
    for period in periods:
        page = day_page(lake, domain, period, now, index)
        keys.append(day_page_key(domain, period))
        lake.store.put(keys[-1], page.encode())
        log.info("the page of %s %s: %s", domain, period, lake.store.uri(keys[-1]))
    return keys


def stored_days(lake: Lake, domain: str) -> list[Period]:
    """Return the periods that have a stored page, the newest first.

    Raises:
        ConfigError: no table has that domain.
    """
    tables_of(domain)
    prefix = day_pages_prefix(domain)
    names = (item.key.removeprefix(prefix).removesuffix(".html") for item in lake.store.scan(prefix))
    found = [period for name in names if (period := Period.find(name))]
    return sorted(found, key=lambda period: (period.end, str(period)), reverse=True)


def stored_day(lake: Lake, domain: str, text: str) -> bytes:
    """Return a stored page.

    Raises:
        ConfigError: no table has that domain.
        PartitionKeyError: the text is no period.
        LakeNotFound: there is no page of that period.
    """
    tables_of(domain)
    period = Period.parse(text)
    try:
        return lake.store.get(day_page_key(domain, period))[0]
    except LakeNotFound as error:
        raise LakeNotFound(
            f"No run wrote a page of `{domain}` {period}. To write one now: lakeworks docs day {domain} {period}"
        ) from error
