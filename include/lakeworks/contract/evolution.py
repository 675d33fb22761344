"""Changes of a contract, their effect on readers of published data, and the version number they need.

Breaking: an existing query may fail or change its meaning. Compatible: every query still runs. Documentation: no query
can tell. A version is `major.minor.patch` (semver.org): breaking changes ask for a new major, compatible ones for a new
minor number.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from lakeworks.contract import Column, Contract
from lakeworks.core.types import LakeType

Effect = Literal["breaking", "compatible", "documentation"]
_WIDER = {
    "tinyint": {"smallint", "int", "bigint", "float", "double"},
    "smallint": {"int", "bigint", "float", "double"},
    "int": {"bigint", "double"},
    "bigint": set[str](),  # a double holds whole numbers only up to 2^53
    "float": {"double"},
}
# All changes of type that Athena documents:
# https://docs.aws.amazon.com/athena/latest/ug/updates-changing-column-type.html
_ATHENA_READS = {
    "tinyint": {"smallint", "int", "bigint"},
    "smallint": {"int", "bigint"},
    "int": {"bigint"},
    "float": {"double"},
}
# Spark 3 reads numbers that Parquet stores in equally many bits (`make conformance`). Spark 4 reads every wider type.
_SPARK_3_READS = {"tinyint": {"smallint", "int"}, "smallint": {"int"}}
_LEVEL = {"breaking": 0, "compatible": 1, "documentation": 2}


@dataclass(frozen=True)
class ContractChange:
    """One difference between two contracts."""

    effect: Effect
    where: str
    what: str


def widens(old: LakeType, new: LakeType) -> bool:
    """Return True if each value of the old type is a value of the new one, as our readers, pyarrow and DuckDB promote types."""
    if old == new or new.kind in _WIDER.get(old.kind, set()):
        return True
    if old.kind == new.kind == "decimal":
        return new.scale >= old.scale and new.precision - new.scale >= old.precision - old.scale
    if old.kind == new.kind == "struct":
        members = dict(new.members)
        return all(name in members and widens(kind, members[name]) for name, kind in old.members)
    if old.kind == new.kind and old.kind in ("list", "map"):
        return all(widens(one, other) for (_, one), (_, other) in zip(old.members, new.members, strict=True))
    return False


def left_for_athena(old: Contract, new: Contract) -> list[str]:
    """Return widened columns that Athena is not documented to read in older files: `int` as `double`, decimals, nested.

    None in a table without partitions, which every run rewrites.
    """
    return _widened(old, new, lambda before, after: after.kind in _ATHENA_READS.get(before.kind, ()))


def left_for_spark_3(old: Contract, new: Contract) -> list[str]:
    """Return widened columns that Spark 3 refuses in older files: types that Parquet stores in another way.

    None in a table without partitions, which every run rewrites.
    """
    return _widened(old, new, _is_stored_alike)


def _widened(old: Contract, new: Contract, reads: Callable[[LakeType, LakeType], bool]) -> list[str]:
    return [
        name
        for name, column in (new.file_columns if new.partition_keys else {}).items()
        if name in old.columns
        and (before := old.columns[name].type) != column.type
        and widens(before, column.type)
        and not reads(before, column.type)
    ]


def _is_stored_alike(old: LakeType, new: LakeType) -> bool:
    if old == new or new.kind in _SPARK_3_READS.get(old.kind, set()):
        return True
    if old.kind == new.kind == "decimal":  # up to 9 digits lie in 32 bits, up to 18 in 64, more in bytes
        return old.scale == new.scale and all((old.precision > most) == (new.precision > most) for most in (9, 18))
    members = dict(new.members)
    return bool(members) and all(_is_stored_alike(kind, members[name]) for name, kind in old.members)


def wider(known: LakeType, now: LakeType) -> LakeType:
    """Return the type that has the values of both; else the known one, because files have it already."""
    return now if widens(known, now) else known


def changes(old: Contract, new: Contract) -> list[ContractChange]:
    """Return every difference, the gravest first."""
    differences = [*_columns(old, new), *_shape(old, new), *_rules(old, new), *_words(old, new)]
    return sorted(differences, key=lambda change: (_LEVEL[change.effect], change.where))


def version_needed(old: str, differences: list[ContractChange]) -> str:
    """Return the lowest version number that the changes allow."""
    major, minor, patch = map(int, old.split("."))
    if not differences:
        return old
    worst = min(_LEVEL[change.effect] for change in differences)
    return (f"{major + 1}.0.0", f"{major}.{minor + 1}.0", f"{major}.{minor}.{patch + 1}")[worst]


def _columns(old: Contract, new: Contract) -> Iterator[ContractChange]:
    gone = [name for name in old.columns if name not in new.columns]
    added = [name for name in new.columns if name not in old.columns]
    for name in gone:
        twin = _renamed(name, old.columns[name], new, added)
        yield ContractChange("breaking", name, f"renamed to `{twin}`" if twin else "removed")
        added = [other for other in added if other != twin]
    for name in added:
        column = new.columns[name]
        effect: Effect = "breaking" if column.required else "compatible"
        why = "required, but partitions published before do not have it" if column.required else "optional"
        yield ContractChange(effect, name, f"new column, {why}")
    for name, column in new.columns.items():
        if name in old.columns:
            yield from _column(name, old.columns[name], column)


def _renamed(name: str, column: Column, new: Contract, added: list[str]) -> str | None:
    """Return the new column that may be a renamed old one: only its case differs, or only its name."""
    for other in added:
        twin = new.columns[other]
        if other.lower() == name.lower() or (twin.description, twin.type) == (column.description, column.type):
            return other
    return None


def _column(name: str, old: Column, new: Column) -> Iterator[ContractChange]:
    if old.type != new.type:
        wider = widens(old.type, new.type)
        said = f"{old.type} to {new.type}, {'wider' if wider else 'not every old value fits'}"
        yield ContractChange("compatible" if wider else "breaking", name, said)
    if old.required and not new.required:
        yield ContractChange("breaking", name, "no longer required: readers may meet nulls")
    if new.required and not old.required:
        yield ContractChange("compatible", name, "required: rows without it go to quarantine")
    for limit in ("minimum", "maximum", "allowed", "pattern"):
        before, after = getattr(old, limit), getattr(new, limit)
        if before != after:
            yield ContractChange("compatible", name, f"{limit} {before} to {after}")
    if (old.pii, old.classification) != (new.pii, new.classification):
        yield ContractChange("compatible", name, f"classification {_classified(old)} to {_classified(new)}")
    if old.description != new.description:
        yield ContractChange("documentation", name, "description")


def _classified(column: Column) -> str:
    return f"{column.classification}{', personal data' if column.pii else ''}"


def _shape(old: Contract, new: Contract) -> Iterator[ContractChange]:
    """Yield changes of the grain and of the partitioning."""
    for name, why in (("grain", "a row has another meaning"), ("partition_by", "rows lie elsewhere")):
        before, after = (", ".join(map(str, getattr(side, name))) or "none" for side in (old, new))
        if before != after:
            yield ContractChange("breaking", name, f"{before} to {after}: {why}")
    if old.storage.layout != new.storage.layout:
        said = f"{old.storage.layout} to {new.storage.layout}: the plain path disappears or appears for readers"
        yield ContractChange("breaking", "storage.layout", said)
    if old.deduplicate_by != new.deduplicate_by:
        yield ContractChange("compatible", "deduplicate_by", "another row of the same grain may be kept")


def _rules(old: Contract, new: Contract) -> Iterator[ContractChange]:
    before, after = ({rule.name: rule.sql for rule in side.rows} for side in (old, new))
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            what = "new" if name not in before else "removed" if name not in after else "changed"
            yield ContractChange("compatible", f"rows.{name}", f"row rule {what}")
    if old.checks != new.checks:
        yield ContractChange("compatible", "checks", "table checks changed")
    for name in (
        "schema_policy",
        "quarantine",
        "plausible_times",
        "freshness",
        "look_back_periods",
        "preserves_rows",
        "source",
        "source_options",
        "inputs",
    ):
        if getattr(old, name) != getattr(new, name):
            yield ContractChange("compatible", name, f"{getattr(old, name)} to {getattr(new, name)}")


def _words(old: Contract, new: Contract) -> Iterator[ContractChange]:
    for name in ("description", "team", "tags", "status", "retention", "approval"):
        if getattr(old, name) != getattr(new, name):
            yield ContractChange("documentation", name, "changed")
