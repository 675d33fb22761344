"""Input files, made from a seed: the same bytes on every machine, and real schemas.

The trips have TLC's schema, its value ranges, and about 1 % of the dirt real months have (reversed fares, trips that end before
they begin, unknown zones, copies of a row). Their order is random: no writer gets sorted input.
"""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from lakeworks.contract import load_contract

SAMPLES = Path(__file__).parent.parent / "include/lakeworks_local/data"

_MONTH = np.datetime64("2019-01-01T00:00:00", "us")
_SECOND = np.timedelta64(1_000_000, "us")
_DAYS = 31
ROW_GROUP = 500_000
_ZONES = ["zone_id", "borough", "zone_name", "service_zone"]


def make(kind: str, folder: Path, rows: int) -> None:
    """The files of a kind of input, unless they are there: `bronze`, `bars`, or none."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "bars":
        _once(folder / "bars.parquet", lambda start: _bars(start, min(ROW_GROUP, rows - start), 250, 20), rows)
    if kind == "bronze":
        _once(folder / "trips.parquet", lambda start: _trips(start, min(ROW_GROUP, rows - start)), rows)
        _once(folder / "bronze.parquet", lambda start: _bronze(folder / "trips.parquet", start), rows)
        shutil.copy(SAMPLES / "taxi_zone_lookup.csv", folder / "zones.csv")
        zones = pyarrow.csv.read_csv(SAMPLES / "taxi_zone_lookup.csv").rename_columns(_ZONES)
        pq.write_table(zones.set_column(0, "zone_id", zones["zone_id"].cast(pa.int32())), folder / "zones.parquet")


def _bronze(trips: Path, start: int) -> pa.Table:
    """The trips as the product's bronze table holds them: every column of the contract, all times the same fetch."""
    contract = load_contract("bronze.transport.yellow_trips")
    given = pq.ParquetFile(trips).read_row_group(start // ROW_GROUP)
    fetched = pa.scalar(datetime(2019, 2, 1), pa.timestamp("us"))
    columns = {}
    for name, column in contract.columns.items():
        if name in given.schema.names:
            columns[name] = given[name].cast(column.type.arrow)
        elif name == "_ingested_at":
            columns[name] = pa.repeat(fetched, given.num_rows)
        else:
            columns[name] = pa.nulls(given.num_rows, column.type.arrow)
    return pa.table(columns)


def _once(path: Path, chunk: Callable[[int], pa.Table], rows: int) -> None:
    """Write a file in pieces of one row group, so that any size fits into memory."""
    if path.exists():
        return
    partial = path.with_suffix(".partial")
    first = chunk(0)
    with pq.ParquetWriter(partial, first.schema, compression="snappy") as writer:
        for start in range(0, rows, ROW_GROUP):
            writer.write_table(chunk(start) if start else first)
    partial.rename(path)


def _trips(start: int, count: int) -> pa.Table:
    draw = np.random.Generator(np.random.PCG64(start + 1))
    seconds = _DAYS * 86_400
    # Two bumps a day, as demand has.
    hour = np.where(draw.random(count) < 0.6, draw.normal(18.5, 3.2, count), draw.normal(9.5, 2.5, count)) % 24
    pickup = (draw.integers(0, _DAYS, count) * 86_400 + hour * 3_600).astype("int64") % seconds
    lasts = np.clip(draw.lognormal(6.4, 0.7, count), 30, 20_000).astype("int64")
    miles = np.round(np.clip(draw.lognormal(0.6, 0.9, count), 0.01, 90), 2)
    fare = np.round((2.5 + miles * 2.5 + lasts / 60 * 0.35) * 2) / 2
    zones = _zones(draw, count), _zones(draw, count)
    broken = draw.random(count)
    fare = np.where(broken < 0.004, -fare, fare)
    lasts = np.where((broken >= 0.004) & (broken < 0.006), -lasts, lasts)
    zones = np.where((broken >= 0.006) & (broken < 0.008), 999, zones[0]), zones[1]
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
    order = np.arange(count)
    copies = np.flatnonzero((broken >= 0.008) & (broken < 0.010))
    order[copies] = np.maximum(copies - 1, 0)
    return pa.table(columns).take(pa.array(order))


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
