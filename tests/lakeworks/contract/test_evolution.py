"""Contract changes: what breaks readers, what does not, and the version number each asks for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.contract import Contract
from lakeworks.contract.evolution import changes, left_for_athena, left_for_spark_3, version_needed, widens
from lakeworks.core.types import LakeType
from tests.conftest import contract_of

BASE: dict[str, Any] = {
    "id": {"type": "bigint", "required": True, "description": "key"},
    "name": {"type": "string", "description": "a name"},
    "amount": {"type": "decimal(10,2)", "description": "money", "minimum": 0},
}


def of(columns: dict[str, Any] | None = None, **more: Any) -> Contract:
    return contract_of(columns=columns or BASE, **more)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in BASE.items() if key != name}


def changed(name: str, **fields: Any) -> dict[str, Any]:
    return {**BASE, name: {**BASE[name], **fields}}


@pytest.mark.parametrize(
    ("new", "effect", "says"),
    [
        (of({**BASE, "note": {"type": "string", "description": "n"}}), "compatible", "new column, optional"),
        (
            of({**BASE, "note": {"type": "int", "required": True, "description": "n"}}),
            "breaking",
            "partitions published before",
        ),
        (of(without("name")), "breaking", "removed"),
        (of({**without("name"), "title": BASE["name"]}), "breaking", "renamed to `title`"),
        (of({**without("name"), "Name": {**BASE["name"], "description": "other"}}), "breaking", "renamed to `Name`"),
        (of(changed("id", type="double")), "breaking", "not every old value fits"),
        (of(changed("amount", type="decimal(12,2)")), "compatible", "wider"),
        (of(changed("name", type="struct<a:int>")), "breaking", "string to struct<a:int>, not every old value fits"),
        (of(changed("amount", type="decimal(10,4)")), "breaking", "not every old value fits"),
        (of(changed("name", required=True)), "compatible", "go to quarantine"),
        (of(changed("amount", minimum=None)), "compatible", "minimum"),
        (of(changed("name", pii=True)), "compatible", "personal data"),
        (of(changed("name", description="the name")), "documentation", "description"),
        (of(grain=["id", "name"], columns=changed("name", required=True)), "breaking", "a row has another meaning"),
        (of(partition_by=["name"]), "breaking", "rows lie elsewhere"),
        (of(storage={"layout": "versioned"}), "breaking", "plain path"),
        (of(rows=[{"name": "r", "sql": "id > 0", "reason": "x"}]), "compatible", "row rule new"),
        (of(team="another"), "documentation", "changed"),
    ],
)
def test_a_change_is_classified(new: Contract, effect: str, says: str) -> None:
    worst, *_ = changes(of(), new)
    assert worst.effect == effect
    assert says in worst.what


def test_no_longer_required_breaks() -> None:
    (change,) = changes(of(changed("name", required=True)), of())
    assert (change.effect, change.where) == ("breaking", "name")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("int", "bigint", True), ("int", "double", True), ("bigint", "double", False), ("double", "float", False),
        ("bigint", "int", False), ("string", "int", False), ("date", "timestamp", False),
        ("struct<a:int>", "struct<a:bigint,b:string>", True), ("struct<a:int,b:string>", "struct<a:int>", False),
        ("struct<a:int>", "struct<A:int>", False), ("list<int>", "list<bigint>", True),
        ("map<string,int>", "map<string,string>", False), ("list<struct<a:int>>", "list<struct<a:int,b:int>>", True),
    ],
)  # fmt: skip
def test_types_widen_also_inside_nested_ones(old: str, new: str, expected: bool) -> None:
    assert widens(LakeType.parse(old), LakeType.parse(new)) is expected


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        ("struct<a:int>", "struct<a:bigint>", "compatible"), ("struct<a:bigint>", "struct<a:int>", "breaking"),
        ("struct<a:int>", "struct<a:int,b:string>", "compatible"), ("struct<a:int,b:string>", "struct<a:bigint>", "breaking"),
        ("list<int>", "list<bigint>", "compatible"), ("list<bigint>", "list<int>", "breaking"),
        ("list<struct<a:int>>", "list<struct<a:double>>", "compatible"), ("map<string,int>", "map<string,bigint>", "compatible"),
        ("list<string>", "list<struct<a:string>>", "breaking"),
    ],
)  # fmt: skip
def test_nested_types_are_classified_by_their_members(old: str, new: str, effect: str) -> None:
    (change,) = changes(of(changed("name", type=old)), of(changed("name", type=new)))
    assert (change.effect, change.where) == (effect, "name")
    assert f"{old} to {new}" in change.what


@pytest.mark.parametrize(
    ("old", "new", "readers"),
    [
        ("tinyint", "int", ""), ("smallint", "int", ""), ("int", "int", ""), ("tinyint", "bigint", "spark"),
        ("int", "bigint", "spark"), ("float", "double", "spark"), ("int", "double", "athena spark"), ("smallint", "float", "athena spark"),
        ("decimal(4,2)", "decimal(6,2)", "athena"), ("decimal(9,2)", "decimal(10,2)", "athena spark"),
        ("decimal(18,2)", "decimal(19,2)", "athena spark"), ("decimal(19,2)", "decimal(38,2)", "athena"),
        ("decimal(4,2)", "decimal(6,3)", "athena spark"), ("struct<a:int>", "struct<a:bigint>", "athena spark"),
        ("list<int>", "list<bigint>", "athena spark"), ("struct<a:int>", "struct<a:int,b:string>", "athena"),
        ("list<struct<a:tinyint>>", "list<struct<a:int,b:string>>", "athena"),
        ("string", "int", ""),  # breaks every reader: told as such
    ],
)  # fmt: skip
def test_readers_that_cannot_read_older_files_are_named_for_partitioned_tables(
    old: str, new: str, readers: str
) -> None:
    def table(kind: str, **more: Any) -> Contract:
        return of(changed("name", type=kind), **more)

    cut = {"partition_by": ["month"]}
    for left, reader in ((left_for_athena, "athena"), (left_for_spark_3, "spark")):
        assert left(table(old, **cut), table(new, **cut)) == (["name"] if reader in readers else [])
        assert left(table(old), table(new)) == [], "a table without partitions is rewritten by every run"


def test_the_version_number_follows_the_gravest_change() -> None:
    assert version_needed("1.4.2", []) == "1.4.2"
    assert version_needed("1.4.2", changes(of(), of(team="x"))) == "1.4.3"
    assert version_needed("1.4.2", changes(of(), of(partition_by=["name"], team="x"))) == "2.0.0"
    assert version_needed("1.4.2", changes(of(), of(changed("amount", minimum=1), team="x"))) == "1.5.0"


@given(
    st.lists(
        st.sampled_from(["int", "bigint", "double", "string", "decimal(4,2)", "struct<a:int>"]), min_size=3, max_size=3
    )
)
def test_widening_is_reflexive_and_transitive(names: list[str]) -> None:
    a, b, c = map(LakeType.parse, names)
    assert widens(a, a)
    if widens(a, b) and widens(b, c):
        assert widens(a, c)
