"""Dev lakes: they read what is live, write beside it, and leave no trace in the live lake."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lakeworks.branches.document import DevDocument, DevRegister
from lakeworks.branches.overlay import LAST_OF_PARENT, OverlayLedger
from lakeworks.core.partition import Partition
from lakeworks.dev.opening import DevRequest, open_dev_lake, refresh
from lakeworks.dev.scope import scope_of
from lakeworks.errors import ConfigError, ContractError, LakeNotFound, LostRace
from lakeworks.lake import Lake
from lakeworks.ledger.publisher import Publisher
from lakeworks.maintenance.expiry import withdraw_expired
from lakeworks.maintenance.garbage_collection import collect
from lakeworks.pipeline.iceberg_snapshots import snapshots_of
from lakeworks.pipeline.registration import Registrar
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from lakeworks.s3.dev_branch import dev_name, dev_name_of_branch
from tests.support.shop_project import DAYS, ORDERS, RECEIVED, REVENUE, Shop

LIVE = {f"2024-01-0{day}": Decimal("15.00") for day in (5, 6, 7)}


def opened(shop: Shop, name: str = "fix-42", **request: Any) -> Lake:
    return shop.lake.over(open_dev_lake(shop.lake, shop.contracts(), DevRequest(name, **request)))


def test_nothing_is_copied_and_everything_can_be_read(shop: Shop) -> None:
    before = shop.keys()
    dev = opened(shop)
    assert shop.revenue(dev) == LIVE
    written = {item.key for item in shop.lake.store.scan("_dev/")}
    assert {key.rpartition(".")[2] for key in written} == {"json"}, "a document and pins, no rows"
    assert shop.keys() == before


def test_a_build_is_seen_in_the_dev_lake_alone(shop: Shop) -> None:
    before = shop.keys()
    dev = opened(shop)
    shop.double()
    shop.build_all(DAYS[:2], dev)
    assert shop.revenue(dev) == {**LIVE, "2024-01-05": Decimal("30.00"), "2024-01-06": Decimal("30.00")}
    assert shop.revenue() == LIVE
    assert shop.keys() == before, "no object of the live lake came, went or changed"


def test_it_has_no_iceberg_tables(shop: Shop) -> None:
    """It shows live objects under keys of its own: a snapshot would name objects that no reader of Iceberg finds."""
    contract = shop.lake.contract(REVENUE)
    asking = contract.model_copy(update={"catalog": contract.catalog.model_copy(update={"iceberg": True})})
    assert snapshots_of(shop.lake, asking) is not None
    assert snapshots_of(opened(shop), asking) is None


def test_it_reads_what_was_live_at_its_start(shop: Shop) -> None:
    pinned, following = opened(shop), opened(shop, "other", follow=True)
    shop.arrive(DAYS[0], ["100.00"])
    shop.build_all(DAYS[:1])
    assert shop.revenue(pinned) == LIVE
    assert shop.revenue(following) == shop.revenue() == {**LIVE, "2024-01-05": Decimal("100.00")}


@pytest.mark.parametrize("layout", ["plain", "versioned"])
def test_it_still_reads_what_live_expires_withdraws_and_collects(shop: Shop, layout: str) -> None:
    path = shop.tables / "gold/sales/daily_revenue/contract.yml"
    path.write_text(path.read_text().replace("version: 1.0.0", f"version: 2.0.0\nstorage: {{layout: {layout}}}"))
    shop.contracts()
    shop.build_all()
    dev, contract = opened(shop), shop.lake.contract(REVENUE)
    first, *others = (entry for day in DAYS if (entry := shop.live(REVENUE, day)))
    withdraw(shop.lake, contract, first.parsed)
    withdraw_expired(shop.lake, contract, others)
    assert collect(shop.lake, [contract], older_than=-timedelta(days=1), dry_run=False) == []
    assert shop.revenue() == {}
    assert shop.revenue(dev) == LIVE
    assert first.layout == layout


def test_a_table_that_was_removed_from_the_live_lake_is_one_clear_error_until_a_refresh(shop: Shop) -> None:
    dev = opened(shop)
    for item in list(shop.lake.store.scan("_ledger/gold/sales/daily_revenue/")):
        shop.lake.store.delete([item.key])
    with pytest.raises(LakeNotFound, match=r"which dev lake `fix-42` reads, is gone.*lakeworks dev refresh fix-42"):
        shop.revenue(dev)
    refresh(shop.lake, shop.contracts(), "fix-42")
    assert shop.revenue(shop.lake.over(DevRegister(shop.lake.store).read("fix-42").document)) == {}


def test_what_it_wrote_no_longer_follows(shop: Shop) -> None:
    dev = opened(shop, follow=True)
    shop.double()
    shop.build_all(DAYS[:1], dev)
    shop.arrive(DAYS[0], ["100.00"])
    shop.build_all(DAYS[:1])
    assert shop.revenue(dev)["2024-01-05"] == Decimal("30.00")


def test_a_withdrawal_takes_nothing_from_live(shop: Shop) -> None:
    before, dev = shop.keys(), opened(shop)
    contract = dev.contract(REVENUE)
    withdraw(dev, contract, Partition.of_period(DAYS[0]))
    assert list(shop.revenue(dev)) == ["2024-01-06", "2024-01-07"]
    assert (shop.revenue(), shop.keys()) == (LIVE, before)
    rollback(dev, contract, Partition.of_period(DAYS[0]), None)
    assert shop.revenue(dev) == LIVE


def test_numbers_say_whose_a_publication_is(shop: Shop) -> None:
    dev = opened(shop, follow=True)
    shop.double()
    shop.build(ORDERS, DAYS[0], dev)
    shop.build(ORDERS, DAYS[0])
    ledger, table = dev.ledger, dev.contract(ORDERS).table
    assert ledger.sequence(table, Partition.of_period(DAYS[0])) == [1, 2, LAST_OF_PARENT + 1]
    assert [entry.seq for entry in ledger.history(table, Partition.of_period(DAYS[0]))] == [1, 2, LAST_OF_PARENT + 1]
    assert isinstance(ledger, OverlayLedger)
    assert list(ledger.own(table)) == [Partition.of_period(DAYS[0])]


def test_two_writers_meet_at_one_number_though_live_moved_between_them(shop: Shop) -> None:
    """Their numbers do not depend on the live lake's, or both would be first."""
    dev = opened(shop, follow=True)
    entry = shop.live(ORDERS, DAYS[0], dev)
    assert entry
    first = entry.model_copy(update={"seq": dev.ledger.number_after(entry.seq), "state": "publishing"})
    shop.build(ORDERS, DAYS[0])
    shop.double()
    shop.build(ORDERS, DAYS[0])
    now = shop.live(ORDERS, DAYS[0], dev)
    assert now
    assert now.seq > entry.seq
    dev.ledger.reserve(first)
    with pytest.raises(LostRace, match="another writer took publication 9000001"):
        dev.ledger.reserve(first.model_copy(update={"seq": dev.ledger.number_after(now.seq)}))


def test_it_never_finishes_what_a_live_writer_left(shop: Shop) -> None:
    """A publication of the live lake under way looks abandoned, so that no dev lake places its objects."""
    contract = shop.lake.contract(ORDERS)
    partition = Partition.of_period(DAYS[0])

    class Killed(Exception):
        """A dead process."""

    def die(step: str) -> None:
        if step == "register":
            raise Killed

    live = shop.live(ORDERS, DAYS[0])
    assert live
    staged = "_staging/late/part-00000.parquet"
    body, _ = shop.lake.store.get(live.objects[0].key)
    shop.lake.store.put(staged, body)
    item = live.objects[0].model_copy(update={"source_key": staged, "version_id": None})
    late = live.model_copy(update={"objects": (item,), "content": "other", "run": shop.run()})
    with pytest.raises(Killed):
        Publisher(shop.lake.ledger, Registrar(shop.lake, contract), on_step=die).publish([late])
    dev, before = opened(shop, follow=True), shop.keys()
    assert [entry.state for entry in dev.ledger.history(contract.table, partition)] == ["published", "abandoned"]
    shop.double()
    shop.build(ORDERS, DAYS[0], dev)
    assert shop.keys() == before


def test_a_second_build_takes_the_place_of_the_first(shop: Shop) -> None:
    dev = opened(shop)
    shop.double()
    shop.build_all(DAYS[:1], dev)
    path = shop.tables / "silver/sales/orders/transform.sql"
    path.write_text(path.read_text().replace("2 *", "3 *"))
    shop.build_all(DAYS[:1], dev)
    assert shop.revenue(dev)["2024-01-05"] == Decimal("45.00")
    numbers = dev.ledger.sequence(dev.contract(ORDERS).table, Partition.of_period(DAYS[0]))
    assert numbers == [1, LAST_OF_PARENT + 1, LAST_OF_PARENT + 2]


@pytest.mark.parametrize(
    "key", ["landing/sales/x.parquet", "_parent/silver/sales/orders/x", "inbox/x/y", "_quota/x.json"]
)
def test_it_writes_nothing_that_is_the_live_lakes(shop: Shop, key: str) -> None:
    dev = opened(shop)
    with pytest.raises(ConfigError, match="belongs to the live lake, and dev lake `fix-42` only reads it"):
        dev.store.put(key, b"")
    with pytest.raises(ConfigError, match="belongs to the live lake"):
        dev.store.delete([key])


def test_what_is_changed_and_what_follows_is_built(shop: Shop) -> None:
    document = open_dev_lake(shop.lake, shop.contracts(), DevRequest("fix-42", first="2024-01-05", last="2024-01-06"))
    assert scope_of(shop.lake, document, shop.contracts()) == []
    shop.double()
    work = scope_of(shop.lake, document, shop.contracts())
    days = [str(day) for day in DAYS[:2]]
    assert [(item.contract.name, [str(day) for day in item.periods]) for item in work] == [
        (ORDERS, days),
        (REVENUE, days),
    ]


def test_named_tables_are_built_with_what_follows_upstream_first(shop: Shop) -> None:
    document = open_dev_lake(shop.lake, shop.contracts(), DevRequest("fix-42", tables=[RECEIVED]))
    work = scope_of(shop.lake, document, shop.contracts())
    assert [item.contract.name for item in work] == [RECEIVED, ORDERS, REVENUE]


def test_a_breaking_contract_is_refused_as_in_the_live_lake(shop: Shop) -> None:
    dev = opened(shop)
    path = shop.tables / "gold/sales/daily_revenue/contract.yml"
    path.write_text(path.read_text().replace("  orders: {type: bigint, description: Number of orders.}\n", ""))
    shop.contracts()
    with pytest.raises(ContractError, match="breaks readers"):
        shop.build(REVENUE, DAYS[0], dev)


def test_a_name_is_taken_once_and_a_lost_start_changes_nothing(shop: Shop) -> None:
    first = open_dev_lake(shop.lake, shop.contracts(), DevRequest("fix-42"))
    before = [item.key for item in shop.lake.store.scan("_dev/")]
    with pytest.raises(ConfigError, match="is there already"):
        open_dev_lake(shop.lake, shop.contracts(), DevRequest("fix-42"))
    assert [item.key for item in shop.lake.store.scan("_dev/")] == before
    with pytest.raises(ConfigError, match="is there already"):  # of two starts at once, the second finds the document
        DevRegister(shop.lake.store).create(first.model_copy(update={"token": "other"}))
    assert DevRegister(shop.lake.store).read("fix-42").document == first


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"name": "Fix_42"}, "is not a dev lake's name"),
        ({"name": "my-silver"}, "No word is a layer's name"),
        ({"name": "x", "days": 1}, "is not a dev lake's name"),
        ({"name": "fix", "days": 31}, "lives 1 to 30 days"),
        ({"name": "fix", "days": 0}, "lives 1 to 30 days"),
        ({"name": "fix", "first": "2024-01"}, "Give both --from and --to"),
        ({"name": "fix", "first": "2024-02", "last": "2024-01"}, "is later than --to"),
        ({"name": "fix", "tables": ["silver.sales.nothing"]}, "is not a table of this project"),
    ],
)
def test_a_wrong_request_opens_nothing(shop: Shop, request_: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        open_dev_lake(shop.lake, shop.contracts(), DevRequest(**request_))
    assert list(shop.lake.store.scan("_dev/")) == []


def test_a_dev_lake_whose_life_has_ended_is_refused(shop: Shop) -> None:
    document = open_dev_lake(shop.lake, shop.contracts(), DevRequest("fix-42", days=1))
    assert shop.lake.for_dev("fix-42").parent is shop.lake
    with pytest.raises(ConfigError, match="The life of dev lake `fix-42` ended"):
        shop.lake.for_dev("fix-42", document.expires_at)
    with pytest.raises(ConfigError, match="Dev lakes: fix-42"):
        shop.lake.for_dev("fix-43")


def test_a_dev_lake_of_a_dev_lake_is_refused(shop: Shop) -> None:
    with pytest.raises(ConfigError, match="begins at the live lake"):
        open_dev_lake(opened(shop), shop.contracts(), DevRequest("second"))


def test_its_databases_are_its_own(shop: Shop) -> None:
    dev = opened(shop)
    assert dev.catalog.dev
    assert dev.catalog.dev.database("silver_sales") == "dev_fix_42_silver_sales"


@pytest.mark.parametrize(
    ("branch", "name"),
    [("feature/Fix_42", "feature-fix-42"), ("42-fix", "branch-42-fix"), ("silver", "branch"), ("a" * 60, "a" * 31)],
)
def test_a_branch_of_git_has_a_name(branch: str, name: str) -> None:
    assert dev_name_of_branch(branch) == dev_name(name) == name


def test_the_document_of_a_newer_release_is_kept(shop: Shop) -> None:
    now = datetime.now(UTC)
    document = DevDocument(name="fix", token="t", created_at=now, expires_at=now + timedelta(days=1), more="x")  # type: ignore[call-arg]
    register = DevRegister(shop.lake.store)
    stored = register.create(document)
    assert register.replace(stored, replace_end(register)).document.model_dump()["more"] == "x"
    with pytest.raises(LostRace):
        register.replace(stored, document)


def replace_end(register: DevRegister) -> DevDocument:
    document = register.read("fix").document
    return document.model_copy(update={"expires_at": document.expires_at + timedelta(days=1)})
