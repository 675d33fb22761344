"""Months of trips that the samples do not have: real trips, moved in time."""

import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeworks.core.partition import Period

DATA = Path(__file__).parent
_MONTH = Period.parse("2019-01")
# Twelve whole weeks that the samples have without a gap. They repeat, so that every day has trips of its own day of the week.
_QUARTER = ("2019-01", "2019-02", "2019-03")
_BEGINS, _CYCLE = date(2019, 1, 1), timedelta(weeks=12)
_TIMES = ("tpep_pickup_datetime", "tpep_dropoff_datetime")


@lru_cache(maxsize=6)
def month_of_trips(month: Period) -> bytes:
    """Return a month's file as the TLC would publish it: trips of the first quarter of 2019, moved by whole weeks.

    A trip that its own file has outside of its month stays wrong: it moves with the first day of its file.
    """
    sink = io.BytesIO()
    pq.write_table(pa.concat_tables(_pieces(month)), sink)
    return sink.getvalue()


def _pieces(month: Period) -> Iterator[pa.Table]:
    first, end = month.start.replace(tzinfo=None), month.end.replace(tzinfo=None)
    start = first
    while start < end:
        by = (start.date() - _BEGINS) // _CYCLE * _CYCLE
        stop = min(datetime.combine(_BEGINS, first.time()) + by + _CYCLE, end)
        for name in _QUARTER:
            yield _moved(_between(name, start - by, stop - by), by)
        start = stop


def _between(name: str, start: datetime, stop: datetime) -> pa.Table:
    """Return a file's trips between two moments; with those that are outside of its month if its first day is."""
    trips, own = _sample(name), Period.parse(name)
    picked_up = trips[_TIMES[0]]
    low, high = own.start.replace(tzinfo=None), own.end.replace(tzinfo=None)
    wanted = pc.and_(pc.greater_equal(picked_up, max(start, low)), pc.less(picked_up, min(stop, high)))
    if start <= low < stop:
        wanted = pc.or_(wanted, pc.or_(pc.less(picked_up, low), pc.greater_equal(picked_up, high)))
    return trips.filter(wanted)


@lru_cache(maxsize=3)
def _sample(name: str) -> pa.Table:
    return pq.read_table(DATA / f"yellow_tripdata_{name}.parquet")


def _moved(trips: pa.Table, by: timedelta) -> pa.Table:
    for name in _TIMES:
        place, kind = trips.schema.get_field_index(name), trips.schema.field(name).type
        trips = trips.set_column(place, name, pc.add(trips[name], pa.scalar(by)).cast(kind))
    return trips


def write_moved(folder: Path, month: Period) -> Path:
    """Write the trips of January 2019, moved to another month and limited to its days, under the TLC's file name."""
    trips = pq.read_table(DATA / f"yellow_tripdata_{_MONTH}.parquet")
    start = _MONTH.start.replace(tzinfo=None)
    by = month.start.replace(tzinfo=None) - start
    kept = trips.filter(pc.less(trips["tpep_pickup_datetime"], pa.scalar(start + (month.end - month.start))))
    kept = _moved(kept, by)
    path = folder / f"yellow_tripdata_{month}.parquet"
    pq.write_table(kept, path)
    return path
