"""Many partitions in one call, and what Glue answers of some of them: not got to, throttled, refused, another writer was first."""

from collections.abc import Iterator

import pytest

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.catalog.partition_batches import PartitionCalls
from lakeworks.errors import LakeAccessDenied, LakeError, LakeUnavailable, RequestRefused, TransientError
from tests.conftest import client
from tests.lakeworks.catalog.test_glue import AT, contract, partition
from tests.support.glue_server import Glue, serving_glue

COUNT = 300
ALL = [partition(f"S{n:03d}") for n in range(COUNT)]
WANTED = [(f"S{n:03d}",) for n in range(COUNT + 100)]  # the last hundred do not exist


@pytest.fixture
def strict() -> Iterator[tuple[GlueCatalog, Glue]]:
    """A registered table of 300 partitions."""
    with serving_glue() as (glue, url):
        catalog = GlueCatalog(client("glue", url), threads=1, sleep=lambda _: None)
        catalog.upsert_table(contract(), AT)
        catalog.upsert_partitions(contract(), ALL)
        glue.calls.clear()
        yield catalog, glue


def get(catalog: GlueCatalog) -> list[str]:
    return sorted(values[0] for values in catalog.calls(contract().table).get(WANTED))


EXISTING = [item.partition.values[0] for item in ALL]


def test_all_that_exist_are_found_in_one_call(strict: tuple[GlueCatalog, Glue]) -> None:
    catalog, glue = strict
    assert get(catalog) == EXISTING
    assert glue.calls == {"BatchGetPartition": 1}


def test_keys_glue_did_not_get_to_are_asked_for_again(strict: tuple[GlueCatalog, Glue]) -> None:
    """It used to stop after eight answers and take what was left for partitions that do not exist."""
    catalog, glue = strict
    glue.reach = lambda _: 25
    assert get(catalog) == EXISTING
    assert glue.calls["BatchGetPartition"] == 16


def test_an_answer_without_any_key_is_not_taken_for_nothing_there(strict: tuple[GlueCatalog, Glue]) -> None:
    catalog, glue = strict
    turns = iter([0, 1, 100, 0, 1])
    glue.reach = lambda keys: next(turns, keys)
    assert get(catalog) == EXISTING


def test_a_glue_that_never_gets_to_several_keys_ends_in_a_transient_error(strict: tuple[GlueCatalog, Glue]) -> None:
    catalog, glue = strict
    slept: list[float] = []
    glue.reach = lambda keys: 1 if keys == 1 else 0
    calls = PartitionCalls(catalog.client, contract().table, 1, slept.append)
    with pytest.raises(
        LakeUnavailable, match=r"did not return 392 of 400 partitions .*first S008.*Run again"
    ) as raised:
        calls.get(WANTED)
    assert isinstance(raised.value, TransientError)
    assert glue.calls["BatchGetPartition"] == 16
    assert slept == sorted(slept), "with growing pauses"
    assert len(slept) == 7


def test_what_exists_though_glue_did_not_say_so_is_updated(strict: tuple[GlueCatalog, Glue]) -> None:
    """Not even a single key is answered: no client can tell that from partitions that are not there."""
    catalog, glue = strict
    glue.reach = lambda _: 0
    assert catalog.upsert_partitions(contract(), [partition("S001", rows=7), partition("NEW")]) == 2
    held = glue.partitions["silver_test", "rows"]
    assert (held["S001",]["Parameters"]["numRows"], held["NEW",]["Parameters"]["numRows"]) == ("7", "1")
    assert len(held) == COUNT + 1


@pytest.mark.parametrize("stand_in", ["moto", "ministack"])
def test_stand_ins_that_list_what_does_not_exist_are_understood(request: pytest.FixtureRequest, stand_in: str) -> None:
    glue = client("glue", request.getfixturevalue(f"{stand_in}_url"))
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    catalog = GlueCatalog(glue, sleep=lambda _: None)
    catalog.upsert_table(contract(), AT)
    catalog.upsert_partitions(contract(), ALL[:3])
    assert get(catalog) == EXISTING[:3]


def test_a_throttled_update_is_sent_again_for_its_items_alone(strict: tuple[GlueCatalog, Glue]) -> None:
    catalog, glue = strict
    glue.faults["BatchUpdatePartition", "S000"] = 3
    assert catalog.upsert_partitions(contract(), [partition(f"S00{n}", rows=7) for n in range(3)]) == 3
    held = glue.partitions["silver_test", "rows"]
    assert [held[f"S00{n}",]["Parameters"]["numRows"] for n in range(3)] == ["7", "7", "7"]
    assert glue.calls["BatchUpdatePartition"] == 4


@pytest.mark.parametrize(
    ("code", "says", "raised"),
    [
        ("ThrottlingException", "kept throttling 1 of 3", LakeUnavailable),
        ("InternalServiceException", "refused 1 of 3", LakeUnavailable),
        ("AccessDeniedException", "refused 1 of 3", LakeAccessDenied),
        ("ValidationException", "refused 1 of 3", RequestRefused),
    ],
)
def test_an_update_that_stays_refused_is_named_and_the_others_are_done(
    strict: tuple[GlueCatalog, Glue], code: str, says: str, raised: type[LakeError]
) -> None:
    catalog, glue = strict
    glue.refused = {"S001": code}
    with pytest.raises(raised, match=rf"Glue {says} partitions of .*first S001: {code}.*catalog repair"):
        catalog.upsert_partitions(contract(), [partition(f"S00{n}", rows=7) for n in range(3)])
    held = glue.partitions["silver_test", "rows"]
    assert [held[f"S00{n}",]["Parameters"]["numRows"] for n in range(3)] == ["7", "1", "7"]
    assert glue.calls["BatchUpdatePartition"] <= 8


def test_a_partition_dropped_while_it_is_updated_is_created(
    strict: tuple[GlueCatalog, Glue], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, glue = strict
    held, real = glue.partitions["silver_test", "rows"], glue.do_BatchUpdatePartition

    def overtaken(call: dict[str, object]) -> object:
        held.pop(("S001",), None)
        return real(call)

    monkeypatch.setattr(glue, "do_BatchUpdatePartition", overtaken)
    assert catalog.upsert_partitions(contract(), [partition("S001", rows=7)]) == 1
    assert held["S001",]["Parameters"]["numRows"] == "7"


def test_two_tools_that_drop_and_create_in_turn_do_not_keep_us_for_ever(
    strict: tuple[GlueCatalog, Glue], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, glue = strict
    held = glue.partitions["silver_test", "rows"]
    model, create, update = held["S001",], glue.do_BatchCreatePartition, glue.do_BatchUpdatePartition

    def gone(call: dict[str, object]) -> object:
        held.pop(("S001",), None)
        return update(call)

    def there(call: dict[str, object]) -> object:
        held["S001",] = model
        return create(call)

    monkeypatch.setattr(glue, "do_BatchUpdatePartition", gone)
    monkeypatch.setattr(glue, "do_BatchCreatePartition", there)
    with pytest.raises(
        LakeUnavailable, match=r"refused 1 of 1 partitions .*first S001: (AlreadyExists|EntityNotFound)"
    ):
        catalog.upsert_partitions(contract(), [partition("S001", rows=7)])
    assert glue.calls["BatchUpdatePartition"] + glue.calls["BatchCreatePartition"] == 8


def test_a_refused_drop_is_named_and_a_throttled_one_sent_again(strict: tuple[GlueCatalog, Glue]) -> None:
    catalog, glue = strict
    glue.faults["BatchDeletePartition", "S000"] = 3
    glue.refused = {"S001": "AccessDeniedException"}
    with pytest.raises(LakeAccessDenied, match="first S001: AccessDeniedException"):
        catalog.drop_partitions(contract(), [item.partition for item in ALL[:3]])
    left = [values for values in glue.partitions["silver_test", "rows"] if values < ("S003",)]
    assert left == [("S001",)]


def test_dropping_what_is_gone_already_is_done(strict: tuple[GlueCatalog, Glue]) -> None:
    catalog, glue = strict
    del glue.partitions["silver_test", "rows"][("S001",)]
    catalog.drop_partitions(contract(), [item.partition for item in ALL[:3]])
    assert sorted(glue.partitions["silver_test", "rows"])[0] == ("S003",)


@pytest.mark.parametrize("operation", ["GetTable", "GetDatabase"])
def test_what_lake_formation_hides_is_no_unchanged_table(operation: str) -> None:
    """Lake Formation answers `not found` for what exists. The run compared its own wish with itself: `unchanged`."""
    with serving_glue() as (_, url):
        GlueCatalog(client("glue", url)).upsert_table(contract(), AT)
        hiding = client("glue", url)

        def hidden(**_: object) -> object:
            answer = {"Error": {"Code": "EntityNotFoundException", "Message": "not found"}}
            return type("Answer", (), {"status_code": 400, "headers": {}}), answer

        hiding.meta.events.register(f"before-call.glue.{operation}", hidden)
        if operation == "GetDatabase":
            with pytest.raises(LakeAccessDenied, match="the database `silver_test`.*Lake Formation hides it"):
                GlueCatalog(hiding).ensure_database("silver_test")
            return
        with pytest.raises(LakeAccessDenied, match="the table `silver.test.rows`.*Lake Formation hides it"):
            GlueCatalog(hiding).upsert_table(contract(), AT)


def test_an_index_that_glue_could_not_build_is_named(
    strict: tuple[GlueCatalog, Glue], caplog: pytest.LogCaptureFixture
) -> None:
    """It counted as present, and every query filtered all partitions."""
    catalog, glue = strict
    assert [catalog.ensure_index(contract(), 20_000) for _ in range(2)] == ["created", "present"]
    (index,) = glue.indexes["silver_test", "rows"]
    errors = [{"Code": "UNSUPPORTED_PARTITION_CHARACTER_ERROR", "Partitions": [{"Values": ["S001"]}]}]
    index |= {"IndexStatus": "FAILED", "BackfillErrors": errors}
    assert catalog.ensure_index(contract(), 20_000) == "failed"
    assert "UNSUPPORTED_PARTITION_CHARACTER_ERROR (1 partitions)" in caplog.text


def test_two_repairs_that_make_the_index_at_once_both_end_well(strict: tuple[GlueCatalog, Glue]) -> None:
    catalog, glue = strict
    real = glue.do_GetPartitionIndexes

    def before_the_other(call: dict[str, object]) -> object:
        answer = real(call)
        glue.do_CreatePartitionIndex({**call, "PartitionIndex": {"Keys": ["symbol"], "IndexName": "lakeworks"}})
        return answer

    glue.do_GetPartitionIndexes = before_the_other  # type: ignore[method-assign]
    assert catalog.ensure_index(contract(), 20_000) == "present"
    assert len(glue.indexes["silver_test", "rows"]) == 1
