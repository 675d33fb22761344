"""Promotion: the bytes that were audited become live, once, in order; refused where live moved on; killable at every request."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from lakeworks.branches.document import DevRegister
from lakeworks.branches.overlay import LAST_OF_PARENT
from lakeworks.contract import load_contract
from lakeworks.core.partition import Partition
from lakeworks.dev.closing import drop
from lakeworks.dev.opening import DevRequest, open_dev_lake, refresh
from lakeworks.dev.promotion import PromotedPartition, promote
from lakeworks.errors import ConfigError, FencedError, LostRace, PromotionRefused, StaleBuild
from lakeworks.lake import Lake
from lakeworks.ledger.run_numbers import RunRegister
from lakeworks.maintenance.crash_recovery import RolledForward, roll_forward
from lakeworks.maintenance.verification import verify
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from lakeworks.status.partition_index import PartitionIndex
from tests.support.memory_s3 import MemoryS3
from tests.support.shop_project import DAYS, ORDERS, RECEIVED, REVENUE, Shop

OLD = {f"2024-01-0{day}": Decimal("15.00") for day in (5, 6, 7)}
NEW = {day: 2 * euros for day, euros in OLD.items()}


def developed(shop: Shop, name: str = "fix-42", days: Any = DAYS, **request: Any) -> Lake:
    """A dev lake in which amounts are doubled and built."""
    document = open_dev_lake(shop.lake, shop.contracts(), DevRequest(name, **request))
    if "2 *" not in (shop.tables / "silver/sales/orders/transform.sql").read_text():
        shop.double()
    dev = shop.lake.over(document)
    shop.build_all(days, dev)
    return dev


def promoted(shop: Shop, name: str = "fix-42", **more: Any) -> list[PromotedPartition]:
    return promote(shop.lake, name, shop.contracts(), **more)


def test_the_audited_bytes_become_live_without_a_build(shop: Shop) -> None:
    dev = developed(shop)
    done = promoted(shop)
    assert [item.table for item in done] == [ORDERS] * 3 + [REVENUE] * 3
    assert {(item.outcome, item.live) for item in done} == {("published", 2)}
    assert shop.revenue() == NEW
    for table in (ORDERS, REVENUE):
        ours, theirs = shop.live(table, DAYS[0], dev), shop.live(table, DAYS[0])
        assert ours
        assert theirs
        assert theirs.content == ours.content
        assert theirs.promoted_from.startswith("fix-42.")
        assert theirs.promoted_from.endswith(f"/{LAST_OF_PARENT + 1}")
        assert theirs.audit == {"passed": True}
        assert theirs.code == ours.code


def test_the_live_lake_is_whole_after_the_dev_lake_is_gone(shop: Shop) -> None:
    developed(shop)
    promoted(shop)
    for item in [item.key for item in shop.lake.store.scan("_dev/")]:
        shop.lake.store.delete([item])
    assert shop.revenue() == NEW
    live = shop.live(REVENUE, DAYS[0])
    assert live
    assert shop.lake.store.head(live.run_record), "the record of the run that built it"


def test_nothing_promoted_counts_as_stale(shop: Shop) -> None:
    """The fingerprint of its inputs names live publications, not those of the dev lake."""
    developed(shop)
    promoted(shop)
    facts = PartitionIndex(shop.lake)
    for table in (ORDERS, REVENUE):
        contract = shop.lake.contract(table)
        for item in facts.published(contract).values():
            assert item.inputs == facts.fingerprint(contract, next(day for day in DAYS if str(day) == item.period))


def test_twice_changes_nothing(shop: Shop) -> None:
    developed(shop)
    promoted(shop)
    before = shop.revenue()
    again = promoted(shop)
    assert {item.live for item in again} == {2}
    assert shop.revenue() == before
    document = DevRegister(shop.lake.store).read("fix-42").document
    assert (document.promotion, document.promoted_at is not None) == ("", True)


def test_a_dry_run_changes_nothing(shop: Shop) -> None:
    developed(shop)
    before = shop.keys()
    assert {item.outcome for item in promoted(shop, dry_run=True)} == {"would promote"}
    assert shop.keys() == before


def test_refused_where_a_live_run_published_since(shop: Shop) -> None:
    developed(shop)
    shop.arrive(DAYS[1], ["7.00"])
    shop.build_all([DAYS[1]])
    before = shop.keys()
    with pytest.raises(
        PromotionRefused, match=r"2 partitions .*`silver.sales.orders` 2024-01-06: publication 2 is live"
    ) as refused:
        promoted(shop)
    assert "Nothing was changed. Next: lakeworks dev refresh fix-42, then lakeworks dev build fix-42" in str(
        refused.value
    )
    assert shop.keys() == before


def test_refused_where_an_input_has_other_rows_now(shop: Shop) -> None:
    """Live bronze moved on, silver did not yet: the dev lake's silver would bring older rows."""
    developed(shop)
    shop.arrive(DAYS[0], ["7.00"])
    with pytest.raises(PromotionRefused, match="`bronze.sales.orders` year=2024/month=01/day=05 has other rows now"):
        promoted(shop)


def test_a_refresh_and_another_build_make_it_promotable(shop: Shop) -> None:
    dev = developed(shop)
    shop.arrive(DAYS[0], ["7.00"])
    with pytest.raises(PromotionRefused):
        promoted(shop)
    refresh(shop.lake, shop.contracts(), "fix-42")
    dev = shop.lake.for_dev("fix-42")
    shop.build_all(DAYS[:1], dev)
    promoted(shop)
    assert shop.revenue() == {**NEW, "2024-01-05": Decimal("14.00")}


def test_refused_where_the_code_is_another_by_now(shop: Shop) -> None:
    developed(shop)
    path = shop.tables / "silver/sales/orders/transform.sql"
    path.write_text(path.read_text().replace("2 *", "3 *"))
    with pytest.raises(PromotionRefused, match="other code than the project's built it"):
        promoted(shop)
    assert shop.revenue() == OLD


def test_refused_without_a_passed_audit(shop: Shop) -> None:
    dev = developed(shop)
    live = shop.live(REVENUE, DAYS[0], dev)
    assert live
    stored = dev.ledger.read(dev.contract(REVENUE).table, Partition.of_period(DAYS[0]), live.seq)
    dev.ledger.complete(stored, live.model_copy(update={"audit": {"passed": False}}))
    with pytest.raises(PromotionRefused, match="it has not passed an audit"):
        promoted(shop)


def test_a_withdrawal_is_promoted(shop: Shop) -> None:
    dev = developed(shop)
    withdraw(dev, dev.contract(REVENUE), Partition.of_period(DAYS[0]))
    promoted(shop)
    assert list(shop.revenue()) == ["2024-01-06", "2024-01-07"]


def test_an_older_live_run_under_way_does_not_set_it_back(shop: Shop) -> None:
    """It began before the promotion and would publish rows of the older code: it is fenced, as by any newer run."""
    from lakeworks.errors import FencedError

    run = shop.run()
    developed(shop)
    promoted(shop)
    path = shop.tables / "silver/sales/orders/transform.sql"
    path.write_text(path.read_text().replace("2 *", "1 *"))
    shop.contracts()
    with pytest.raises(FencedError):
        shop.build(ORDERS, DAYS[0], run=run)


@pytest.mark.parametrize("layout", ["plain", "versioned"])
def test_an_older_live_run_is_fenced_from_the_days_that_the_dev_lake_left_as_they_were(shop: Shop, layout: str) -> None:
    """Seed 1013907: readers saw its day beside the promoted ones, as rows that no run of one code made."""
    contract = shop.tables / "silver/sales/orders/contract.yml"
    contract.write_text(
        contract.read_text().replace("version: 1.0.0", f"version: 2.0.0\nstorage: {{layout: {layout}}}")
    )
    shop.contracts()
    shop.build_all()
    shop.arrive(DAYS[0], ["0.00"])
    shop.build_all([DAYS[0]])
    run = shop.run()
    developed(shop)
    outcomes = {(item.table, item.partition): item.outcome for item in promoted(shop)}
    assert Counter(outcomes.values()) == {"published": 4, "unchanged": 2}, "twice nothing is nothing"
    path = shop.tables / "silver/sales/orders/transform.sql"
    path.write_text(path.read_text().replace("2 *", "1 +"))
    shop.contracts()
    with pytest.raises(FencedError):
        shop.build(ORDERS, DAYS[0], run=run)


def test_a_promotion_can_be_rolled_back(shop: Shop) -> None:
    developed(shop)
    promoted(shop)
    rollback(shop.lake, shop.lake.contract(REVENUE), Partition.of_period(DAYS[0]))
    assert shop.revenue()["2024-01-05"] == Decimal("15.00")


class Killed(BaseException):
    """The process is dead."""


def die() -> None:
    raise Killed


def go_on() -> None:
    """Let the request pass."""


class ActingS3:
    """A client of which something happens at one write request: before it is sent, or after it took effect."""

    def __init__(
        self, client: MemoryS3, at: int, *, before: Callable[[], object] = go_on, after: Callable[[], object] = go_on
    ) -> None:
        self.client, self.at, self.before, self.after, self.sent = client, at, before, after, 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if not callable(method) or name not in WRITES:
            return method

        def call(**arguments: Any) -> Any:
            self.sent += 1
            number = self.sent
            if number == self.at:
                self.before()
            answer = method(**arguments)
            if number == self.at:
                self.after()
            return answer

        return call


WRITES = {
    "put_object", "create_multipart_upload", "upload_part", "complete_multipart_upload", "abort_multipart_upload",
    "delete_object", "delete_objects",
}  # fmt: skip


def killed_at(shop: Shop, number: int, *, after: bool) -> int:
    """Promote with a process that dies at its request of this number; returns how many it sent."""
    client: Any = shop.lake.store.client
    dying: Any = ActingS3(client, number, **{"after" if after else "before": die})
    shop.lake.store.client, threads = dying, shop.lake.store.threads
    shop.lake.store.threads = 1
    try:
        promoted(shop)
    except Killed:
        pass
    finally:
        shop.lake.store.client, shop.lake.store.threads = client, threads
    return int(dying.sent)


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_request_leaves_whole_runs_and_the_repetition_ends_it(shop: Shop, *, after: bool) -> None:
    developed(shop, days=DAYS[:2])
    begun: Any = shop.lake.store.client
    state = dict(begun.objects), dict(begun.versions)
    number, ended = 0, False
    while not ended:
        number += 1
        begun.objects, begun.versions = dict(state[0]), dict(state[1])
        ended = killed_at(shop, number, after=after) < number
        seen = shop.revenue()
        days = ("2024-01-05", "2024-01-06")
        assert {day: seen[day] for day in days} in ({day: OLD[day] for day in days}, {day: NEW[day] for day in days}), (
            number
        )
        promoted(shop)
        assert {day: shop.revenue()[day] for day in days} == {day: NEW[day] for day in days}, number
        assert DevRegister(shop.lake.store).read("fix-42").document.promotion == ""
    assert number > 20, "the promotion sends more requests than that"


def test_a_dev_lake_under_promotion_is_neither_dropped_nor_refreshed(shop: Shop) -> None:
    developed(shop)
    killed_at(shop, 5, after=True)
    with pytest.raises(ConfigError, match="has begun and not ended. Nothing was removed"):
        drop(shop.lake, "fix-42")
    with pytest.raises(ConfigError, match="has begun and not ended. Nothing was changed"):
        refresh(shop.lake, shop.contracts(), "fix-42")
    promoted(shop)
    assert shop.revenue() == NEW


def test_a_dev_lake_under_promotion_keeps_its_run(shop: Shop) -> None:
    developed(shop)
    killed_at(shop, 5, after=True)
    begun = DevRegister(shop.lake.store).read("fix-42").document.promotion
    promoted(shop)
    live = shop.live(REVENUE, DAYS[0])
    assert live
    assert live.run.id == begun


def test_received_rows_are_promoted_too(shop: Shop) -> None:
    document = open_dev_lake(shop.lake, shop.contracts(), DevRequest("fix-42", tables=[RECEIVED]))
    dev = shop.lake.over(document)
    shop.arrive(DAYS[0], ["1.00", "2.00"], dev)
    shop.build_all(DAYS[:1], dev)
    promoted(shop)
    assert shop.revenue()["2024-01-05"] == Decimal("3.00")


def test_a_refused_promotion_leaves_no_half_of_its_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the simulation: it lost one number to a live run, and the next roll-forward published its other day."""
    developed(shop, days=DAYS[:2])
    client: Any = shop.lake.store.client
    put, taken = client.put_object, list[str]()

    def after_a_rival(**request: Any) -> Any:
        if "_ledger/silver/sales/orders/year=2024/month=01/day=06" in request["Key"] and not taken:
            taken.append(request["Key"])
            shop.arrive(DAYS[1], ["9.00"])
            shop.build(ORDERS, DAYS[1])
        return put(**request)

    monkeypatch.setattr(client, "put_object", after_a_rival)
    with pytest.raises(LostRace):
        promote(shop.lake, "fix-42", shop.contracts())
    with pytest.raises(PromotionRefused, match="publication 2 is live there, and 1 was when the dev lake published"):
        promote(shop.lake, "fix-42", shop.contracts())
    orders = load_contract(ORDERS)
    assert roll_forward(shop.lake, orders) == RolledForward()
    live = shop.live(ORDERS, DAYS[0])
    assert live
    assert (live.seq, live.promoted_from) == (1, "")
    assert RunRegister(shop.lake.store).read(orders.table).open == ()


def test_a_promotion_that_was_killed_and_is_refused_later_leaves_no_number_open(shop: Shop) -> None:
    developed(shop, days=DAYS[:2])
    begun: Any = shop.lake.store.client
    state, orders = (dict(begun.objects), dict(begun.versions)), load_contract(ORDERS)
    number, refused = 0, 0
    while number < 1 or killed_at(shop, number, after=True) >= number:
        live_run(shop)
        try:
            promoted(shop)
        except PromotionRefused:
            refused += 1
            newest = [shop.lake.ledger.latest(orders.table, Partition.of_period(day)) for day in DAYS[:2]]
            assert "publishing" not in {stored.entry.state for stored in newest if stored}, number
            assert RunRegister(shop.lake.store).read(orders.table).open == (), number
        number += 1
        begun.objects, begun.versions = dict(state[0]), dict(state[1])
    assert refused > 3


def promoted_beside(shop: Shop, number: int, rival: Callable[[], object]) -> bool:
    """Promote while another process acts before the request of this number, twice if needed; False if there is none."""
    client: Any = shop.lake.store.client
    beside: Any = ActingS3(client, number, before=lambda: with_client(shop, client, rival))
    try:
        with_client(shop, beside, lambda: promoted(shop))
    except (LostRace, StaleBuild):
        with suppress(PromotionRefused):
            promoted(shop)
    except PromotionRefused:
        pass
    return bool(beside.sent >= number)


def with_client(shop: Shop, client: Any, act: Callable[[], object]) -> None:
    store = shop.lake.store
    before, threads = store.client, store.threads
    store.client, store.threads = client, 1
    try:
        act()
    finally:
        store.client, store.threads = before, threads


def live_run(shop: Shop) -> None:
    """Publish new rows of one of the promotion's days, unless it was faster."""
    shop.arrive(DAYS[1], ["9.00"])
    with suppress(FencedError):
        shop.build(ORDERS, DAYS[1])


def rolled_forward(shop: Shop) -> None:
    roll_forward(shop.lake, load_contract(ORDERS))


@pytest.mark.parametrize("acts", [(live_run,), (rolled_forward,), (rolled_forward, live_run)])
def test_all_days_or_none_become_live_whatever_acts_at_any_request(
    shop: Shop, acts: Sequence[Callable[[Shop], None]]
) -> None:
    developed(shop, days=DAYS[:2])
    begun: Any = shop.lake.store.client
    state, orders = (dict(begun.objects), dict(begun.versions)), load_contract(ORDERS)
    number, ends = 1, Counter[int]()
    while promoted_beside(shop, number, lambda: [act(shop) for act in acts]):
        entries = [shop.lake.ledger.history(orders.table, Partition.of_period(day)) for day in DAYS[:2]]
        ours = [sum(entry.is_live and bool(entry.promoted_from) for entry in history) for history in entries]
        assert ours in ([0, 0], [1, 1]), number
        assert roll_forward(shop.lake, orders) == RolledForward(), number
        assert RunRegister(shop.lake.store).read(orders.table).open == (), number
        assert "abandoned" not in {item.kind for item in verify(shop.lake, orders, patience=timedelta(0))}, number
        assert DevRegister(shop.lake.store).read("fix-42").document.promotion == "", number
        ends[sum(ours)] += 1
        number += 1
        begun.objects, begun.versions = dict(state[0]), dict(state[1])
    assert ends[2] > 10
    assert (ends[0] > 5) == (live_run in acts)
