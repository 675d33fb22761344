"""View of one table: a year of its partition matrix, its columns with their lineage, its rules and SQL."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from lakeworks.contract import Column, Contract, all_tables, load_contract
from lakeworks.core.names import TableName
from lakeworks.errors import LakeError
from lakeworks.freshness.table_age import TableFreshness, freshness
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RunRecord
from lakeworks.parquet.footer_statistics import FooterStatistic, read_statistics
from lakeworks.status.matrix import Cell, Matrix, Row, calendar, hour_calendar
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.status.table_status import status
from lakeworks.status.table_summary import newest_run
from lakeworks.transform.column_origins import Origin, column_lineage
from lakeworks.transform.sql import load_sql, upstream
from lakeworks_airflow.lake_page.overview import Ask

Place = tuple[
    str, int
]  # a calendar's row label and column: ("2019-01", 5), or ("2019", 1) where a partition is a month

_SHORT = 40


@dataclass(frozen=True)
class ColumnLine:
    """One column, the columns it is made of, and those made of it."""

    name: str
    column: Column
    origins: tuple[Origin, ...]
    users: tuple[Origin, ...]
    checks: tuple[str, ...]
    figures: FooterStatistic | None = None

    @property
    def values(self) -> str:
        """Return the nulls, and the smallest and largest value, in words; values of a protected column are withheld."""
        if self.figures is None or self.figures.null_share is None:
            return ""
        nulls = f"{self.figures.null_share:.1%} null" if self.figures.nulls else "no nulls"
        if self.column.protected or self.figures.smallest is None:
            return nulls
        return f"{nulls}, {_short(self.figures.smallest)} to {_short(self.figures.largest)}"


@dataclass(frozen=True)
class TableView:
    """A table's matrix arranged by time, and its contract. Lineage is empty if it cannot be read (`unknown` says why)."""

    contract: Contract
    matrix: Matrix
    age: TableFreshness | None
    run: RunRecord | None
    note: str
    calendar: tuple[Row, ...]
    places: Mapping[Place, list[Cell]]
    columns: tuple[ColumnLine, ...]
    upstreams: tuple[str, ...]
    downstreams: tuple[str, ...]
    sql: str
    unknown: str
    described: str = ""  # the partition whose values the columns show

    @property
    def monthly(self) -> bool:
        """Return True if a partition is a month. Then years are the calendar's rows."""
        return bool(self.calendar) and len(self.calendar[0].squares) == 12

    @cached_property
    def hourly(self) -> bool:
        """Return True if partitions are hours."""
        return any(cell.slot is not None and cell.slot.grain == "hour" for cell in self.matrix.cells)

    def hours_of(self, month: str) -> list[Row]:
        """Return a month's days by hours; of the newest month if it is not in the calendar."""
        if not self.hourly:
            return []
        known = [row.label for row in self.calendar]
        return list(hour_calendar(self.matrix, month if month in known else known[-1]))

    @property
    def years(self) -> list[str]:
        """Return the years of a calendar of days; none if months are its columns."""
        return [] if self.monthly else sorted({row.label[:4] for row in self.calendar})

    @cached_property
    def untimed(self) -> list[Cell]:
        """Return the partitions without time."""
        return [cell for cell in self.matrix.cells if cell.slot is None]

    @cached_property
    def unwell(self) -> dict[str, list[tuple[Cell, Cell, int]]]:
        """Return the states that need attention, each with the groups of its partitions."""
        fine = ("published", "empty", "expired")
        return {state: list(self.matrix.groups(state)) for state in self.matrix.counts if state not in fine}

    def rows_of(self, year: str) -> list[Row]:
        """Return the calendar of a year, or the whole calendar if months are its columns."""
        return [row for row in self.calendar if self.monthly or row.label.startswith(year)]


def read_table(lake: Lake, name: str, now: datetime, ask: Ask) -> TableView:
    """Read one table. `ask` returns Airflow's current tasks.

    Raises:
        ContractError: there is no such table.
        LakeError: the lake cannot be read.
    """
    contract = load_contract(name)
    activities, note = ask([name])
    index = PartitionIndex(lake)
    (matrix,) = status(lake, [contract], activities=activities, index=index)
    age = next(freshness(lake, [contract], now, index), None)
    sql = load_sql(contract) or ""
    downstreams = _downstreams(name)
    lines, unknown = _columns(contract, sql, downstreams)
    figures, described = _figures(lake, matrix)
    lines = tuple(replace(line, figures=figures.get(line.name)) for line in lines)
    return TableView(
        contract=contract,
        matrix=matrix,
        age=age,
        run=None if matrix.fault else newest_run(index, contract),
        note=note,
        calendar=tuple(calendar(matrix)),
        places=_places(matrix.cells),
        columns=lines,
        upstreams=tuple(map(str, upstream(sql))) if sql else (),
        downstreams=tuple(downstreams),
        sql=sql,
        unknown=unknown,
        described=described,
    )


def _figures(lake: Lake, matrix: Matrix) -> tuple[Mapping[str, FooterStatistic], str]:
    """Return the statistics of the newest published partition with rows, and its name; nothing if it cannot be read."""
    newest = next((cell.partition for cell in reversed(matrix.cells) if cell.publication and cell.rows), None)
    try:
        live = lake.ledger.live(TableName.parse(matrix.table), newest) if newest else None
        return (read_statistics(lake.store, [live]), str(newest)) if live else ({}, "")
    except LakeError:
        return {}, ""


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _places(cells: Iterable[Cell]) -> dict[Place, list[Cell]]:
    """Return the partitions by their square."""
    by_place: dict[Place, list[Cell]] = {}
    timed = [cell for cell in cells if cell.slot]
    monthly = all(cell.slot is not None and cell.slot.grain == "month" for cell in timed)
    for cell in timed:
        if cell.slot:
            start = cell.slot.start
            place = (f"{start.year:04d}", start.month) if monthly else (f"{start:%Y-%m}", start.day)
            by_place.setdefault(place, []).append(cell)
    return by_place


def _downstreams(name: str) -> list[str]:
    """Return the tables whose SQL reads this one; a table that cannot be read is in the overview with its fault."""
    tables = []
    for other in all_tables():
        try:
            reads = {str(item) for item in upstream(load_sql(load_contract(other)) or "")}
        except LakeError:
            continue
        if name in reads:
            tables.append(other)
    return tables


def _columns(contract: Contract, sql: str, downstreams: Iterable[str]) -> tuple[tuple[ColumnLine, ...], str]:
    """Return the columns, and the reason if their lineage is unknown."""
    origins: Mapping[str, tuple[Origin, ...]] = {}
    users: dict[str, list[Origin]] = {}
    unknown = ""
    try:
        origins = column_lineage(contract, sql, load_contract) if sql else {}
        for other in map(load_contract, downstreams):
            for column, made_of in column_lineage(other, load_sql(other) or "", load_contract).items():
                for table, origin in made_of:
                    if table == contract.name:
                        users.setdefault(origin, []).append((other.name, column))
    except LakeError as error:
        unknown = str(error)
    lines = [
        ColumnLine(
            name, column, origins.get(name, ()), tuple(users.get(name, ())), tuple(_checks(contract, name, column))
        )
        for name, column in contract.columns.items()
    ]
    return tuple(lines), unknown


def _checks(contract: Contract, name: str, column: Column) -> Iterable[str]:
    """Yield the checks of a column as short texts."""
    if column.minimum is not None:
        yield f"at least {column.minimum}"
    if column.maximum is not None:
        yield f"at most {column.maximum}"
    if column.allowed:
        yield f"one of {', '.join(map(str, column.allowed))}"
    if column.pattern:
        yield f"matches {column.pattern}"
    for check in contract.checks:
        if name in check.columns:
            yield f"{check.expectation} ({check.severity})"
