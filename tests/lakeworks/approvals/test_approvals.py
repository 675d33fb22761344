"""A run that needs a person: what demands one, what each answer does, and that nothing is half-done."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lakeworks.approvals.asking import ask, decide
from lakeworks.contract import load_contract
from lakeworks.core.clock import utc_now
from lakeworks.core.partition import Partition, Period
from lakeworks.dev.opening import DevRequest, open_dev_lake
from lakeworks.errors import ApprovalMissing, ApprovalOvertaken, ContractError, FencedError, LakeNotFound
from lakeworks.ledger.approvals import ApprovalRegister, Verdict
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import load_run_record
from lakeworks.maintenance.garbage_collection import collect
from lakeworks.pipeline.publish_step import entry_for, publish
from lakeworks.pipeline.registration import publisher_of
from lakeworks.pipeline.write_step import write
from lakeworks.publications.rollbacks import rollback
from lakeworks.status.table_status import status
from tests.lakeworks.approvals.guarded_shop import NOW, GuardedShop
from tests.support.shop_project import DAYS, ORDERS, REVENUE

DAY = DAYS[0]
AMOUNT = "amount: {type: 'decimal(10,2)', description: Euros.}"


def staged(shop: GuardedShop) -> list[str]:
    return [item.key for item in shop.lake.store.scan("_staging/")]


def test_each_rule_of_rows_counts_added_removed_and_changed_by_grain(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.5)
    shop.arrive(DAY, ["10.00", "7.00"])  # one of two changes: exactly the share
    assert ask(shop.lake, shop.audited(DAY)) is None
    shop.arrive(DAY, ["11.00", "7.00", "1.00"])  # two change, one comes
    request = shop.asked(shop.audited(DAY))
    assert request.judged.reasons == (
        "3 rows are added, removed or changed, of 2 live rows in 1 partitions: 150.0%, more than 50.0%",
    )


def test_rows_that_are_removed_count(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.4)
    shop.arrive(DAY, ["10.00"])
    assert shop.asked(shop.audited(DAY)).judged.reasons[0].startswith("1 rows are added, removed or changed, of 2")


def test_a_partition_without_live_rows_is_no_change(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0)
    new = Period.parse("2024-01-08")
    shop.arrive(new, ["1.00"])
    key = shop.audited(new)
    assert ask(shop.lake, key) is None
    assert publish(shop.lake, key).outcome == {"published": 1}


def test_the_same_rows_need_no_one(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0, breaking_change=True, personal_data_added=True)
    key = shop.audited(DAY)
    assert ask(shop.lake, key) is None
    assert publish(shop.lake, key).outcome == {"unchanged": 1}
    assert list(shop.lake.store.scan("_ledger/silver/sales/orders/_approvals/")) == []


def test_a_breaking_change_needs_a_person_once(shop: GuardedShop) -> None:
    shop.demand(breaking_change=True)
    shop.change(AMOUNT, AMOUNT.replace("'decimal(10,2)'", "string"))
    with pytest.raises(ContractError, match="breaks readers of 1.0.0"):  # without a new version it does not even begin
        shop.audited(DAY)
    shop.change("version: 1.0.0", "version: 2.0.0")
    path = shop.tables / "silver/sales/orders/transform.sql"
    path.write_text(path.read_text().replace("CAST(amount AS DECIMAL(10, 2))", "CAST(amount AS VARCHAR)"))
    key = shop.audited(DAY)
    request = shop.asked(key)
    assert request.judged.reasons == (
        "version 2.0.0 breaks readers of 1.0.0: `amount`: decimal(10,2) to string, not every old value fits",
    )
    shop.answered(request, "approved")
    publish(shop.lake, key)
    assert ask(shop.lake, shop.audited(DAYS[1])) is None  # the version is published, so it breaks no one any more


def test_a_personal_column_that_is_added_or_declared_needs_a_person(shop: GuardedShop) -> None:
    shop.demand(personal_data_added=True)
    shop.change(AMOUNT, AMOUNT.replace("description", "pii: true, description"))
    assert shop.asked(shop.audited(DAY)).judged.reasons == ("personal data is added: `amount`",)


def test_approved_rows_are_the_audited_objects_and_the_ledger_names_the_person(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    key = shop.audited(DAY)
    audited = load_run_record(shop.lake.store, key).partitions[0].content
    before = shop.live(ORDERS, DAY)
    request = shop.asked(key)
    with pytest.raises(ApprovalMissing, match="no one has given it. Nothing was published; live data is unchanged"):
        publish(shop.lake, key)
    assert shop.live(ORDERS, DAY) == before
    shop.answered(request, "approved", "checked with finance")
    publish(shop.lake, key)
    live = shop.live(ORDERS, DAY)
    assert live
    assert live.approval
    assert live.content == audited
    assert (live.approval.by, live.approval.at, live.approval.note) == ("ana", NOW, "checked with finance")
    assert live.approval.reasons == request.judged.reasons
    assert staged(shop) == []
    publish(shop.lake, key)  # a task that died right after repeats it


def test_refused_rows_leave_live_as_it_is_and_nothing_staged(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    before = shop.live(ORDERS, DAY)
    key = shop.audited(DAY)
    request = shop.answered(shop.asked(key), "refused", "wrong file")
    assert (shop.live(ORDERS, DAY), staged(shop)) == (before, [])
    stored = ApprovalRegister(shop.lake.store).of_table(load_contract(ORDERS).table)
    assert [(item.state, item.by, item.note) for item in stored] == [("refused", "ana", "wrong file")]
    assert ask(shop.lake, key) == request  # a repeated task finds the answer though nothing is staged
    assert shop.answered(request, "approved") == request  # the first answer stays


def test_what_a_refused_run_staged_cannot_be_published(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    key = shop.audited(DAY)
    ApprovalRegister(shop.lake.store).decide(shop.asked(key), Verdict("refused", "ana", NOW, "wrong file"))
    with pytest.raises(ApprovalMissing, match=r"ana refused it \(wrong file\). Nothing was published"):
        publish(shop.lake, key)


def test_the_page_shows_what_changes_and_withholds_personal_values(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.1, personal_data_added=True)
    shop.change(AMOUNT, AMOUNT.replace("description", "pii: true, description"))
    shop.arrive(DAY, ["11.13", "7.00", "3.00"])
    request = shop.asked(shop.audited(DAY))
    page = shop.lake.store.get(request.page)[0].decode()
    assert "silver.sales.orders 2024-01-05 waits for approval" in page
    assert all(reason in page for reason in request.judged.reasons)
    assert "rows staged" in page
    assert "11.13" not in page
    assert "(withheld)" in page


def test_an_approval_after_another_run_published_is_void(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    key = shop.audited(DAY)
    request = shop.answered(shop.asked(key), "approved")
    shop.demand()
    shop.arrive(DAY, ["20.00", "20.00"])
    shop.build(ORDERS, DAY)
    shop.demand(changed_rows_above=0.1)
    newer = shop.live(ORDERS, DAY)
    with pytest.raises(ApprovalOvertaken, match="ana approved it, but other rows are live since"):
        publish(shop.lake, key)
    assert (shop.live(ORDERS, DAY), staged(shop)) == (newer, [])
    (stored,) = ApprovalRegister(shop.lake.store).of_table(load_contract(ORDERS).table)
    assert (stored.state, stored.by, stored.key) == ("overtaken", "ana", request.key)
    with pytest.raises(LakeNotFound, match="that attempt was published or cleaned up"):
        publish(shop.lake, key)


def test_an_approval_after_a_rollback_is_void(shop: GuardedShop) -> None:
    """A rollback keeps the order of an older run: without the condition on the number, the run would publish over it."""
    shop.arrive(DAY, ["1.00", "1.00"])
    shop.build(ORDERS, DAY)
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    key = shop.audited(DAY)
    shop.answered(shop.asked(key), "approved")
    contract = load_contract(ORDERS)
    rollback(shop.lake, contract, Partition.of_period(DAY), None, by="ben")
    with pytest.raises(ApprovalOvertaken, match="publication 3"):
        publish(shop.lake, key)


def test_rows_that_become_live_between_gate_and_publisher_void_the_approval(
    shop: GuardedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.arrive(DAY, ["1.00", "1.00"])
    shop.build(ORDERS, DAY)
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    key = shop.audited(DAY)
    shop.answered(shop.asked(key), "approved")

    def rival(*arguments: Any) -> Publisher:
        monkeypatch.setattr("lakeworks.pipeline.publish_step.publisher_of", publisher_of)
        rollback(shop.lake, load_contract(ORDERS), Partition.of_period(DAY), None, by="ben")
        return publisher_of(*arguments)

    monkeypatch.setattr("lakeworks.pipeline.publish_step.publisher_of", rival)
    with pytest.raises(ApprovalOvertaken, match="publication 3 was made live after this run"):
        publish(shop.lake, key)
    live = shop.live(ORDERS, DAY)
    assert live
    assert (live.kind, live.seq, staged(shop)) == ("rollback", 3, [])


def test_a_run_that_a_newer_one_fenced_asks_no_one(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.1)
    older = shop.run()
    shop.arrive(DAY, ["11.00", "7.00"])
    key = shop.audited(DAY, older)
    shop.demand()
    shop.arrive(DAY, ["20.00", "20.00"])
    shop.build(ORDERS, DAY)
    shop.demand(changed_rows_above=0.1)
    assert ask(shop.lake, key) is None
    with pytest.raises(FencedError, match="Nothing was published"):
        publish(shop.lake, key)


def test_an_approved_run_that_died_between_partitions_goes_on(shop: GuardedShop) -> None:
    """Its own publications are no others' rows."""
    shop.demand(changed_rows_above=0.1)
    for day in DAYS[:2]:
        shop.arrive(day, ["11.00", "7.00"])
    key = shop.audited(Period.parse("2024-01"))
    shop.answered(shop.asked(key), "approved")
    manifest, contract = load_run_record(shop.lake.store, key), load_contract(ORDERS)
    publisher_of(shop.lake, contract).publish([entry_for(contract, manifest, manifest.partitions[0])])
    assert publish(shop.lake, key).outcome == {"published": 1, "unchanged": 2}
    second = shop.live(ORDERS, DAYS[1])
    assert second
    assert second.approval
    assert second.approval.by == "ana"


def test_rows_that_no_one_looked_at_are_judged_before_they_are_live(shop: GuardedShop) -> None:
    """A load, a replay or a DAG of one's own without the task `approve`."""
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    with pytest.raises(ApprovalMissing, match="The task `approve` of its DAG asks"):
        shop.build(ORDERS, DAY)
    shop.build(ORDERS, DAYS[1])  # the same rows


def test_rows_judged_against_what_is_no_longer_live_are_judged_again(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.6)
    shop.arrive(DAY, ["10.00", "7.00"])
    key = shop.audited(DAY)
    assert ask(shop.lake, key) is None
    shop.demand()
    shop.arrive(DAY, ["1.00", "2.00"])
    shop.build(ORDERS, DAY, run=load_run_record(shop.lake.store, key).run.model_copy(update={"id": "a", "attempt": 1}))
    shop.demand(changed_rows_above=0.6)
    with pytest.raises(ApprovalMissing, match="2 rows are added, removed or changed, of 2"):
        publish(shop.lake, key)


def test_another_try_of_the_run_ends_the_question_of_the_first(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    run = shop.run()
    first = shop.asked(shop.audited(DAY, run))
    second = shop.asked(shop.audited(DAY, run.model_copy(update={"attempt": 2})))
    states = {
        item.run.attempt: item.state for item in ApprovalRegister(shop.lake.store).of_table(load_contract(ORDERS).table)
    }
    assert states == {1: "overtaken", 2: "waiting"}
    assert decide(shop.lake, first, Verdict("approved", "ana", NOW)).state == "overtaken"
    assert second.waits(utc_now())


def test_status_marks_what_waits_and_no_longer_than_it_does(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    request = shop.asked(shop.audited(DAY))
    (matrix,) = status(shop.lake, [load_contract(ORDERS)])
    cells = {str(cell.partition): cell for cell in matrix.cells}
    assert cells["2024-01-05"].state == "waiting"
    assert "lakeworks approvals list silver.sales.orders" in cells["2024-01-05"].why
    assert {cell.state for name, cell in cells.items() if name != "2024-01-05"} == {"published"}
    assert not request.waits(request.until)
    shop.answered(request, "refused")
    (matrix,) = status(shop.lake, [load_contract(ORDERS)])
    assert matrix.counts == {"stale": 1, "published": 2}


def test_garbage_collection_keeps_what_waits_until_no_answer_counts(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    key = shop.audited(DAY)
    contract = load_contract(ORDERS)
    assert [item.kind for item in collect(shop.lake, [contract], older_than=timedelta(seconds=-5))] == ["staging"]
    request = shop.asked(key)
    assert collect(shop.lake, [contract], older_than=timedelta(seconds=-5), dry_run=False) == []
    shop.answered(request, "approved")
    assert collect(shop.lake, [contract], older_than=timedelta(seconds=-5), dry_run=False) == []
    publish(shop.lake, key)


def test_a_run_waits_no_longer_than_its_staged_files_are_kept(shop: GuardedShop) -> None:
    shop.demand(changed_rows_above=0.1, wait_hours=8000)
    shop.arrive(DAY, ["11.00", "7.00"])
    kept = replace(shop.lake, lifecycle=shop.lake.lifecycle.model_copy(update={"staging_days": 2}))
    request = ask(kept, shop.audited(DAY))
    assert request
    assert request.until - request.asked_at == timedelta(hours=36)


def test_a_dev_lake_asks_no_one(shop: GuardedShop) -> None:
    """Nothing of it is live."""
    shop.demand(changed_rows_above=0)
    shop.double()
    contracts = shop.contracts()
    open_dev_lake(shop.lake, contracts, DevRequest("fix", tables=(ORDERS,)))
    dev = shop.lake.for_dev("fix")
    record = write(dev, ORDERS, DAY, shop.run())
    key = record.model_copy(update={"audit": {"passed": True}}).save(dev.store).key
    assert ask(dev, key) is None
    assert publish(dev, key).outcome == {"published": 1}


def test_an_approval_that_demands_nothing_is_no_contract(shop: GuardedShop) -> None:
    with pytest.raises(ContractError, match="needs `breaking_change`, `personal_data_added` or `changed_rows_above`"):
        shop.demand(wait_hours=3)
    shop.demand()


def test_tables_above_are_not_touched_by_a_waiting_run(shop: GuardedShop) -> None:
    before = shop.revenue()
    shop.demand(changed_rows_above=0.1)
    shop.arrive(DAY, ["11.00", "7.00"])
    shop.asked(shop.audited(DAY))
    shop.build(REVENUE, DAY)
    assert shop.revenue() == before
