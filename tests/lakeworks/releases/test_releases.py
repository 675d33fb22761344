"""Releases: held against replacement, withdrawal, collection and lifecycle; compared; rolled back, also after a kill."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from lakeworks.core.layout import RELEASES, release_documents
from lakeworks.errors import (
    ConfigError,
    FencedError,
    LakeNotFound,
    LedgerCorrupt,
    LostRace,
    NewerFormat,
    PartitionKeyError,
)
from lakeworks.exports.selection import ExportSelection, chosen_publications
from lakeworks.infrastructure.lifecycle_config import Lifecycle
from lakeworks.lake import Lake
from lakeworks.maintenance import garbage_collection as garbage
from lakeworks.maintenance.verification import verify
from lakeworks.publications.withdrawal import withdraw
from lakeworks.releases.creation import ReleaseRequest, create_release
from lakeworks.releases.difference import compared, live_state, state_of
from lakeworks.releases.holding import hold_all
from lakeworks.releases.past_reader import PastChoice, PastReader
from lakeworks.releases.release import ReleaseRegister
from lakeworks.releases.whole_rollback import plan_release_rollback, roll_back_release
from tests.lakeworks.releases.released_lake import DAYS, Days
from tests.support.s3_clock import days_later

FIRST, SECOND, THIRD = (day.path for day in DAYS)


@pytest.fixture(params=["plain", "versioned"])
def table(lake: Lake, request: pytest.FixtureRequest) -> Days:
    days = Days.of(lake, request.param)
    days.publish(DAYS[:2], 1)
    return days


@pytest.fixture
def plain(lake: Lake) -> Days:
    days = Days.of(lake)
    days.publish(DAYS[:2], 1)
    return days


def release(table: Days, name: str = "close", **more: Any) -> None:
    create_release(table.lake, [table.contract], ReleaseRequest(name, **more))


def rows_of(table: Days, name: str = "close") -> Any:
    reader = PastReader.of(table.lake, [table.contract], PastChoice(release=name))
    assert reader is not None
    return table.rows(reader.entries(table.lake, table.contract))


def collect(table: Days) -> dict[str, int]:
    collected = garbage.collect(table.lake, [table.contract], older_than=timedelta(0), dry_run=False)
    return {item.kind: item.objects for item in collected}


def test_what_a_release_names_survives_replacement_withdrawal_collection_and_lifecycle(table: Days) -> None:
    release(table)
    table.publish(DAYS[:1], 2)
    withdraw(table.lake, table.contract, DAYS[1])
    (held,) = hold_all(table.lake)
    assert held.count("copied") + held.count("current") == 2
    assert held.faults == []
    with days_later(table.lake.store, 2):
        collect(table)
    table.delete_replaced_versions()
    assert rows_of(table) == {FIRST: [1], SECOND: [1]}
    assert table.copy() == {FIRST: [2]}
    assert [held.count("current") for held in hold_all(table.lake)] == [2], "a second night copies nothing"
    assert verify(table.lake, table.contract) == []


def test_two_releases_share_a_copy_which_goes_with_the_last_of_them(plain: Days) -> None:
    release(plain, "one")
    release(plain, "two")
    plain.publish(DAYS[:1], 2)
    hold_all(plain.lake)
    register = ReleaseRegister(plain.lake.store)
    register.drop("one")
    with days_later(plain.lake.store, 2):
        assert "copy of a release" not in collect(plain)
        assert rows_of(plain, "two")[FIRST] == [1]
        register.drop("two")
        assert collect(plain)["copy of a release"] == 1
    assert [item.key for item in plain.lake.store.scan(f"{RELEASES}/")] == []


def test_the_same_rows_at_another_version_are_named_and_not_copied(plain: Days) -> None:
    release(plain)
    plain.publish(DAYS[:1], 2)
    plain.publish(DAYS[:1], 1)
    (held,) = hold_all(plain.lake)
    assert (held.count("re-pinned"), held.count("copied")) == (1, 0)
    plain.delete_replaced_versions()
    assert rows_of(plain) == {FIRST: [1], SECOND: [1]}


def test_a_version_that_is_gone_is_one_clear_error_and_a_fault_of_the_night(plain: Days) -> None:
    release(plain)
    plain.publish(DAYS[:1], 2)
    plain.delete_replaced_versions()
    (held,) = hold_all(plain.lake)
    assert held.faults == ["`silver.test.days` 2019-01-01 publication 1 (lost)"]
    selection = ExportSelection(past=PastChoice(release="close"))
    with pytest.raises(LakeNotFound, match=r"in release `close` cannot be read: the bucket deleted 1 of 2.*2019-01-01"):
        chosen_publications(plain.lake, plain.contract, selection)
    second = ExportSelection("2019-01-02", past=PastChoice(release="close"))
    assert len(chosen_publications(plain.lake, plain.contract, second)) == 1, "the other partition is readable"
    with pytest.raises(LakeNotFound, match="no longer has 1 of 1 publications to roll back to"):
        plan_release_rollback(plain.lake, ReleaseRegister(plain.lake.store).read("close").document)


def test_a_release_of_a_moment_whose_versions_are_gone_is_refused(plain: Days) -> None:
    moment = datetime.now(UTC)
    plain.publish(DAYS[:1], 2)
    plain.delete_replaced_versions()
    with pytest.raises(LakeNotFound, match=r"no longer has 1 of 2 publications, first `silver.test.days` 2019-01-01"):
        release(plain, as_of=moment)
    assert ReleaseRegister(plain.lake.store).names() == []


def test_a_release_that_is_over_is_no_longer_held(plain: Days) -> None:
    release(plain, until=plain.lake.store.now().date())
    plain.publish(DAYS[:1], 2)
    with days_later(plain.lake.store, 2):
        assert hold_all(plain.lake) == []
    with pytest.raises(ConfigError, match="is over"):
        release(plain, "late", until=date(2020, 1, 1))


def test_names_bad_input_and_two_who_create_at_once(plain: Days) -> None:
    release(plain)
    with pytest.raises(ConfigError, match="`close` exists; it was not changed"):
        release(plain)
    with pytest.raises(ConfigError, match="cannot name a release"):
        release(plain, "../close")
    with pytest.raises(LakeNotFound, match="no release `open`.*Releases: close"):
        rows_of(plain, "open")
    with pytest.raises(ConfigError, match="one of --as-of"):
        PastChoice(run="a", release="b")
    with pytest.raises(LakeNotFound, match="Run `nobody` published nothing"):
        PastReader.of(plain.lake, [plain.contract], PastChoice(run="nobody"))
    with pytest.raises(PartitionKeyError, match="Give a partition, or"):
        ExportSelection("2019-01-01", "2019-01", past=PastChoice(release="close"))
    short = replace(plain.lake, lifecycle=Lifecycle(rollback_days=1))
    with pytest.raises(ConfigError, match="after 1 day"):
        create_release(short, [plain.contract], ReleaseRequest("short"))
    register = ReleaseRegister(plain.lake.store)
    seen = register.read("close")
    register.replace(seen, seen.document.model_copy(update={"note": "x"}))
    with pytest.raises(LostRace):
        register.documents.remove(seen)
    assert register.names() == ["close"], "a release that someone changed is not dropped"


def test_an_unreadable_release_stops_the_collection_of_versions(table: Days) -> None:
    table.publish(DAYS[:1], 2)
    table.lake.store.put(f"{release_documents()}torn.json", b"{")
    with days_later(table.lake.store, 2):
        assert "superseded version" not in collect(table)
    with pytest.raises(LedgerCorrupt, match="is not a release"):
        hold_all(table.lake)


def test_a_torn_release_can_be_dropped_and_one_of_a_newer_format_stays(plain: Days) -> None:
    store, register = plain.lake.store, ReleaseRegister(plain.lake.store)
    store.put(f"{release_documents()}torn.json", b"{")
    store.put(f"{release_documents()}newer.json", b'{"name": "newer", "format": 99}')
    with pytest.raises(LedgerCorrupt, match="lakeworks release drop"):
        register.read("torn")
    register.drop("torn")
    with pytest.raises(NewerFormat):
        register.drop("newer")
    with pytest.raises(NewerFormat):
        register.documents.remove_unreadable("newer")
    with pytest.raises(LakeNotFound, match="Releases: newer"):
        register.drop("torn")


def test_a_difference_is_by_partition_rows_and_hash(plain: Days) -> None:
    release(plain, "before")
    plain.publish(DAYS[:1], 2)
    plain.publish(DAYS[2:], 3)
    withdraw(plain.lake, plain.contract, DAYS[1])
    old = ReleaseRegister(plain.lake.store).read("before").document
    names = [plain.contract.name]
    changes = compared(state_of(old, names), live_state(plain.lake, names))
    assert [(change.partition.path, change.kind) for change in changes] == [
        (FIRST, "changed"), (SECOND, "removed"), (THIRD, "added"),
    ]  # fmt: skip
    row = changes[0].as_row()
    assert (row["rows_before"], row["rows_after"], row["publication_before"], row["publication_after"]) == (1, 1, 1, 2)
    assert row["content_before"] != row["content_after"]


@pytest.mark.parametrize("later", [False, True], ids=["left", "withdrawn"])
def test_a_rollback_brings_back_every_partition_from_versions_or_copies(table: Days, later: bool) -> None:
    release(table)
    table.publish(DAYS[:1], 2)
    table.publish(DAYS[2:], 3)
    withdraw(table.lake, table.contract, DAYS[1])
    hold_all(table.lake)
    table.delete_replaced_versions()
    chosen = ReleaseRegister(table.lake.store).read("close").document
    steps = plan_release_rollback(table.lake, chosen, withdraw_later=later)
    assert [step.act for step in steps] == ["roll back", "restore", "withdraw" if later else "leave"]
    assert table.copy() == {FIRST: [2], THIRD: [3]}, "a plan changes nothing"
    list(roll_back_release(table.lake, steps))
    assert table.copy() == {FIRST: [1], SECOND: [1], **({} if later else {THIRD: [3]})}
    assert verify(table.lake, table.contract, deep=True) == []


def test_a_killed_rollback_is_resumed_and_a_run_that_was_faster_is_not_overwritten(plain: Days) -> None:
    release(plain)
    plain.publish(DAYS[:2], 2)
    chosen = ReleaseRegister(plain.lake.store).read("close").document
    steps = plan_release_rollback(plain.lake, chosen)
    next(iter(roll_back_release(plain.lake, steps)))  # the process dies here
    assert plain.copy() == {FIRST: [1], SECOND: [2]}
    resumed = plan_release_rollback(plain.lake, chosen)
    assert [step.change.partition.path for step in resumed] == [SECOND]
    plain.publish(DAYS[1:2], 5)
    with pytest.raises(FencedError, match="it was 2 in the plan"):
        list(roll_back_release(plain.lake, resumed))
    assert plain.copy() == {FIRST: [1], SECOND: [5]}
