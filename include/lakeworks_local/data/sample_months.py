"""Build the sample months: real TLC rows from the Great Expectations source distribution, in the vendor's Parquet shape.

    pip download --no-deps --no-binary :all: great_expectations==1.24.1 && tar xzf great_expectations-1.24.1.tar.gz
    python -m lakeworks_local.data.sample_months great_expectations-1.24.1

The CSVs there hold 10,000 random real trips of each month (Apache-2.0; data NYC TLC) under renamed columns. Names, order and
physical types are put back to those of the vendor's Parquet file of that month, including the null-typed `airport_fee`.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

MONTHS = ("2019-01", "2019-02", "2019-03", "2019-07", "2020-04", "2020-09", "2020-10")
RENAMED = {
    "VendorID": "vendor_id",
    "tpep_pickup_datetime": "pickup_datetime",
    "tpep_dropoff_datetime": "dropoff_datetime",
    "RatecodeID": "rate_code_id",
    "PULocationID": "pickup_location_id",
    "DOLocationID": "dropoff_location_id",
}
# Column order and types of the vendor's files before 2023-02 (schema timeline in docs/data.md).
_F, _I, _S, _T = pa.float64(), pa.int64(), pa.string(), pa.timestamp("us")
COLUMNS = {
    "VendorID": _I,
    "tpep_pickup_datetime": _T,
    "tpep_dropoff_datetime": _T,
    "passenger_count": _F,
    "trip_distance": _F,
    "RatecodeID": _F,
    "store_and_fwd_flag": _S,
    "PULocationID": _I,
    "DOLocationID": _I,
    "payment_type": _I,
    "fare_amount": _F,
    "extra": _F,
    "mta_tax": _F,
    "tip_amount": _F,
    "tolls_amount": _F,
    "improvement_surcharge": _F,
    "total_amount": _F,
    "congestion_surcharge": _F,
}
# The vendor's files are null-typed for airport_fee to 2020-07 and in 2020-10, double in 2020-08/09 and from 2020-11.
AIRPORT_FEE_DOUBLE = {"2020-08", "2020-09"}
# What the older CSVs leave empty for app (Flex Fare) trips: payment type 0, as the Parquet originals are said to have it (not
# verified here); vendor 2 is our choice.
FILLED = {"VendorID": 2, "payment_type": 0}


def month_table(csv: Path, month: str) -> pa.Table:
    """Return one sample month in the vendor's shape."""
    # An empty flag is a missing one; Arrow keeps empty text unless asked to.
    raw = pyarrow.csv.read_csv(csv, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))
    arrays = {}
    for name, kind in COLUMNS.items():
        column = (
            raw[RENAMED.get(name, name)] if RENAMED.get(name, name) in raw.column_names else pa.nulls(len(raw), kind)
        )
        if pa.types.is_boolean(column.type):
            column = pc.if_else(column, "Y", "N")
        column = column.cast(kind)
        arrays[name] = pc.fill_null(column, FILLED[name]) if name in FILLED else column
    arrays["airport_fee"] = pa.nulls(len(raw), _F if month in AIRPORT_FEE_DOUBLE else pa.null())
    return pa.table(arrays)


def build(sdist: Path, target: Path) -> None:
    """Write every sample month below `target`."""
    samples = sdist / "tests" / "test_sets" / "taxi_yellow_tripdata_samples"
    for month in MONTHS:
        table = month_table(samples / f"yellow_tripdata_sample_{month}.csv", month)
        path = target / f"yellow_tripdata_{month}.parquet"
        pq.write_table(table, path, compression="zstd", compression_level=19)
        print(f"{path.name}: {table.num_rows} rows, {path.stat().st_size} bytes")


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(__file__).parent)
