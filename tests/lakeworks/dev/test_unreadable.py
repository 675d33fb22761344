"""Dev lakes whose documents do not parse are refused with the way out, and one of a newer format stays."""

import pytest

from lakeworks.dev.closing import drop
from lakeworks.errors import LedgerCorrupt, NewerFormat
from tests.support.shop_project import Shop

DOCUMENT = "_dev/_lakes/fix-42.json"


def test_it_is_refused_with_the_way_out(shop: Shop) -> None:
    shop.lake.store.put(DOCUMENT, b"{")
    with pytest.raises(LedgerCorrupt, match="lakeworks dev drop"):
        shop.lake.for_dev("fix-42")


def test_the_dev_lake_of_a_newer_format_stays(shop: Shop) -> None:
    shop.lake.store.put(DOCUMENT, b'{"name": "fix-42", "format": 99}')
    built = shop.lake.store.put("_dev/fix-42.b811ff3b/silver/sales/orders/day=1/part-00000.parquet", b"rows").key
    with pytest.raises(NewerFormat):
        drop(shop.lake, "fix-42")
    assert shop.lake.store.head(DOCUMENT)
    assert shop.lake.store.head(built)
