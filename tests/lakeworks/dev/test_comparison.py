"""The comparison with live: counts by grain, columns, SQL; as JSON, Markdown and a page that nothing breaks out of."""

from html.parser import HTMLParser
from typing import Any

from lakeworks.branches.document import DevDocument
from lakeworks.core.partition import Partition
from lakeworks.dev import shown_change as shown
from lakeworks.dev.comparison import TableChange, compare
from lakeworks.dev.opening import DevRequest, open_dev_lake
from lakeworks.dev.report import markdown, page
from lakeworks.publications.withdrawal import withdraw
from tests.support.shop_project import DAYS, ORDERS, RECEIVED, REVENUE, Shop


def compared(shop: Shop, change: Any = None, days: Any = DAYS) -> tuple[DevDocument, dict[str, TableChange]]:
    document = open_dev_lake(shop.lake, shop.contracts(), DevRequest("fix-42"))
    (change or shop.double)()
    dev = shop.lake.over(document)
    shop.build_all(days, dev)
    return document, {item.contract.name: item for item in compare(shop.lake, document, shop.contracts())}


def test_rows_columns_and_sql_are_compared_by_grain(shop: Shop) -> None:
    _, changes = compared(shop)
    orders = changes[ORDERS]
    assert shown.summary(orders) == {
        "table": ORDERS, "partitions": 3, "same": 0, "rows live": 6, "rows dev": 6, "added": 0, "removed": 0, "changed": 6,
    }  # fmt: skip
    assert orders.columns == {"amount": 6}
    (column,) = shown.columns(orders)
    assert (column["smallest"], column["largest"], column["total"]) == (
        "5.00 -> 10.00",
        "10.00 -> 20.00",
        "45.00 -> 90.00",
    )
    assert "-  CAST(amount AS DECIMAL(10, 2)) AS amount" in orders.sql.splitlines()
    assert "+  CAST(2 * amount AS DECIMAL(10, 2)) AS amount" in orders.sql.splitlines()
    assert changes[REVENUE].columns == {"revenue": 3}


def test_the_same_bytes_are_no_difference(shop: Shop) -> None:
    _, changes = compared(shop, change=lambda: None)
    assert [shown.partitions(item) for item in changes.values()] == [[], []]
    assert [item.same for item in changes.values()] == [3, 3]


def test_added_and_removed_rows(shop: Shop) -> None:
    def filtered() -> None:
        path = shop.tables / "silver/sales/orders/transform.sql"
        path.write_text(path.read_text() + "WHERE amount < 8\n")
        shop.contracts()

    _, changes = compared(shop, change=filtered)
    assert shown.summary(changes[ORDERS])["removed"] == 3
    assert {row["difference"] for row in changes[ORDERS].samples} == {"removed"}


def test_a_withdrawn_partition_loses_its_rows_and_a_new_one_brings_them(shop: Shop) -> None:
    withdraw(shop.lake, shop.lake.contract(REVENUE), Partition.of_period(DAYS[0]))
    document = open_dev_lake(shop.lake, shop.contracts(), DevRequest("fix-42"))
    dev = shop.lake.over(document)
    withdraw(dev, dev.contract(REVENUE), Partition.of_period(DAYS[1]))
    shop.build(REVENUE, DAYS[0], dev)
    (change,) = compare(shop.lake, document, shop.contracts())
    assert [(item.partition, item.added, item.removed) for item in change.partitions] == [
        ("2024-01-05", 1, 0),
        ("2024-01-06", 0, 1),
    ]


def test_protected_values_are_withheld(shop: Shop) -> None:
    path = shop.tables / "silver/sales/orders/contract.yml"
    path.write_text(path.read_text().replace("description: Euros.", "classification: restricted, description: Euros."))
    _, changes = compared(shop)
    (column,) = shown.columns(changes[ORDERS])
    assert column["total"] == shown.WITHHELD
    assert {row["after"]["amount"] for row in shown.samples(changes[ORDERS])} == {shown.WITHHELD}


class Elements(HTMLParser):
    """Collects the elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.names.add(tag)


def test_no_value_breaks_out_of_the_page_or_the_markdown(shop: Shop) -> None:
    document, changes = compared(shop)
    evil = "<script>alert(1)</script> | `x` @all ![](http://x)\n### head"
    change = changes[ORDERS]
    hostile = TableChange(change.contract, change.partitions, {evil: 1}, (), (), ({"id": evil},), f"```\n````\n{evil}")
    elements = Elements()
    elements.feed(page(document.name, [hostile]))
    assert "script" not in elements.names
    assert "default-src 'none'" in page(document.name, [hostile])
    text = markdown(document, [hostile])
    before, fence, _ = text.partition("`````diff\n")
    assert fence, "longer than the longest in the SQL"
    assert [word for word in ("<script", "@all", "![](", "\n### head") if word in before] == []
    (row,) = [line for line in before.splitlines() if "alert" in line and line.count(" | ") == 6]
    assert row.startswith("| &lt;script&gt;alert(1)&lt;/script&gt; \\| \\`x\\`")


def test_nothing_built_is_said(shop: Shop) -> None:
    document = open_dev_lake(shop.lake, shop.contracts(), DevRequest("fix-42", tables=[RECEIVED]))
    assert "built nothing" in markdown(document, list(compare(shop.lake, document, shop.contracts())))
