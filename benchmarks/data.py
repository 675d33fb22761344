"""Input files, made from a seed: the same bytes on every machine, and real schemas.

The trips have TLC's schema, its value ranges, and about 1 % of the dirt real months have (reversed fares, trips that end before they
begin, pick-ups of another month, unknown zones, copies of a row). Their order is random: no writer gets sorted input.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_MONTH = np.datetime64("2019-01-01T00:00:00", "us")
_SECOND = np.timedelta64(1_000_000, "us")
_DAYS = 31
ROW_GROUP = 500_000


def trips(path: Path, rows: int, *, dirty: bool = True) -> Path:
    """A yellow taxi month as the TLC publishes it."""
    return _once(path, lambda start: _trips(start, min(ROW_GROUP, rows - start), dirty=dirty), rows)


def bars(path: Path, rows: int, symbols: int, days: int) -> Path:
    """Minute bars of `symbols` x `days`, each pair present, in random order."""
    return _once(path, lambda start: _bars(start, min(ROW_GROUP, rows - start), symbols, days), rows)


def _once(path: Path, chunk: "callable", rows: int) -> Path:  # type: ignore[valid-type]
    """Write the file in pieces, so that any size fits into memory; a file that is there is taken as it is."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        writer = None
        for start in range(0, rows, ROW_GROUP):
            table = chunk(start)
            writer = writer or pq.ParquetWriter(partial, table.schema, compression="snappy")
            writer.write_table(table)
        writer.close()
        partial.rename(path)
    return path


def _trips(start: int, count: int, *, dirty: bool) -> pa.Table:
    draw = np.random.Generator(np.random.PCG64(start + 1))
    seconds = _DAYS * 86_400
    # Two bumps a day, as demand has.
    hour = np.where(draw.random(count) < 0.6, draw.normal(18.5, 3.2, count), draw.normal(9.5, 2.5, count)) % 24
    pickup = (draw.integers(0, _DAYS, count) * 86_400 + hour * 3_600).astype("int64") % seconds
    lasts = np.clip(draw.lognormal(6.4, 0.7, count), 30, 20_000).astype("int64")
    miles = np.round(np.clip(draw.lognormal(0.6, 0.9, count), 0.01, 90), 2)
    fare = np.round((2.5 + miles * 2.5 + lasts / 60 * 0.35) * 2) / 2
    zones = _zones(draw, count), _zones(draw, count)
    if dirty:
        broken = draw.random(count)
        fare = np.where(broken < 0.004, -fare, fare)
        lasts = np.where((broken >= 0.004) & (broken < 0.006), -lasts, lasts)
        zones = np.where((broken >= 0.006) & (broken < 0.008), 999, zones[0]), zones[1]
        copies = np.flatnonzero((broken >= 0.008) & (broken < 0.010))
        copies = copies[copies > 0]
    card = draw.random(count) < 0.7
    tip = np.where(card, np.round(np.abs(fare) * draw.choice([0, 0.15, 0.2, 0.25], count), 2), 0.0)
    extra = draw.choice([0.0, 0.5, 1.0, 2.5], count)
    tolls = np.where(draw.random(count) < 0.05, 5.76, 0.0)
    columns = {
        "VendorID": draw.choice([1, 2, 4], count, p=[0.38, 0.61, 0.01]).astype("int64"),
        "tpep_pickup_datetime": _MONTH + pickup * _SECOND,
        "tpep_dropoff_datetime": _MONTH + (pickup + lasts) * _SECOND,
        "passenger_count": draw.choice([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], count, p=[0.7, 0.14, 0.05, 0.02, 0.05, 0.04]),
        "trip_distance": miles,
        "RatecodeID": draw.choice([1.0, 2.0, 5.0, 99.0], count, p=[0.96, 0.025, 0.01, 0.005]),
        "store_and_fwd_flag": pa.array(np.where(draw.random(count) < 0.005, "Y", "N")),
        "PULocationID": zones[0],
        "DOLocationID": zones[1],
        "payment_type": np.where(card, 1, 2).astype("int64"),
        "fare_amount": fare,
        "extra": extra,
        "mta_tax": np.full(count, 0.5),
        "tip_amount": tip,
        "tolls_amount": tolls,
        "improvement_surcharge": np.full(count, 0.3),
        "total_amount": np.round(fare + extra + 0.8 + tip + tolls + 2.5, 2),
        "congestion_surcharge": np.full(count, 2.5),
        "airport_fee": np.where(draw.random(count) < 0.03, 1.25, 0.0),
    }
    table = pa.table(columns)
    if dirty and len(copies):
        order = np.arange(count)
        order[copies] = copies - 1
        table = table.take(pa.array(order))
    return table


def _zones(draw: np.random.Generator, count: int) -> np.ndarray:
    """A few zones have most trips."""
    weights = 1.0 / np.arange(1, 264) ** 0.9
    order = np.random.Generator(np.random.PCG64(7)).permutation(np.arange(1, 264))
    return order[draw.choice(263, count, p=weights / weights.sum())].astype("int64")


def _bars(start: int, count: int, symbols: int, days: int) -> pa.Table:
    draw = np.random.Generator(np.random.PCG64(start + 100_003))
    # A step that shares no divisor with the number of pairs visits every pair before it visits one twice.
    pair = (np.arange(start, start + count, dtype="int64") * 7_919) % (symbols * days)
    nth = np.arange(start, start + count, dtype="int64") // (symbols * days)
    names = pa.array([f"S{number:04d}" for number in range(symbols)])
    at = _MONTH + ((pair % days) * 86_400 + 34_200 + nth * 60) * _SECOND
    close = np.round(100 + np.cumsum(draw.normal(0, 0.01, count)), 4)
    return pa.table(
        {
            "symbol": names.take(pa.array(pair // days)),
            "at": at,
            "open": np.round(close + draw.normal(0, 0.02, count), 4),
            "high": np.round(close + 0.05, 4),
            "low": np.round(close - 0.05, 4),
            "close": close,
            "volume": draw.integers(100, 100_000, count),
        }
    )
