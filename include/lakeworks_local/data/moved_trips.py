"""Months of trips that the samples do not have: a real month, moved in time."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeworks.core.partition import Period
from lakeworks_local.replay.nyc_tlc import DATA

_MONTH = Period.parse("2019-01")


def write_moved(folder: Path, month: Period) -> Path:
    """Write the trips of January 2019, moved to another month and limited to its days, under the TLC's file name."""
    trips = pq.read_table(DATA / f"yellow_tripdata_{_MONTH}.parquet")
    start = _MONTH.start.replace(tzinfo=None)
    by = month.start.replace(tzinfo=None) - start
    kept = trips.filter(pc.less(trips["tpep_pickup_datetime"], pa.scalar(start + (month.end - month.start))))
    for name in ("tpep_pickup_datetime", "tpep_dropoff_datetime"):
        place, kind = kept.schema.get_field_index(name), kept.schema.field(name).type
        kept = kept.set_column(place, name, pc.add(kept[name], pa.scalar(by)).cast(kind))
    path = folder / f"yellow_tripdata_{month}.parquet"
    pq.write_table(kept, path)
    return path
