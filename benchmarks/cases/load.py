"""A person's CSV file into a month of a table, against scripts that write its rows as Parquet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Entry, Place
from benchmarks.cases.leaving import KINDS, lake_with
from benchmarks.cases.write_peers import object_store


def lakeworks(place: Place) -> Callable[[], Any]:
    """`lakeworks load`: every row is read twice, once before anything is sent."""
    from lakeworks.contract import Contract
    from lakeworks.core.file_selection import select
    from lakeworks.core.partition import Period
    from lakeworks.loading.period_load import check_files, load_files

    columns = {
        name: {"type": kind, "description": "", "required": name in ("symbol", "at")} for name, kind in KINDS.items()
    }
    table = Contract.model_validate(
        {
            "name": f"bronze.bench.t{place.prefix.rpartition('/')[2]}", "version": "1.0.0", "description": "bench",
            "team": "bench", "source": "file_drop.bars", "grain": ["symbol", "at"], "columns": columns,
            "partition_by": ["month(at)"],
        }
    )  # fmt: skip
    lake, file = lake_with(place, table), csv_of(place)

    def run() -> dict[str, Any]:
        checks = check_files(table, select([file]))
        report = load_files(lake, table, Period.parse("2019-01"), checks)
        return {"rows": report.record.balance.staged if report.record else 0}

    return run


def polars(place: Place) -> Callable[[], Any]:
    """`scan_csv` and `sink_parquet`: types are guessed from the first rows."""
    import polars as pl

    file = csv_of(place)

    def run() -> dict[str, Any]:
        rows = pl.scan_csv(file, try_parse_dates=True)
        where, options = f"{place.uri}/bars.parquet", object_store(place)
        rows.sink_parquet(where, compression="zstd", compression_level=3, storage_options=options)
        return {"rows": pl.scan_parquet(where, storage_options=options).select(pl.len()).collect().item()}

    return run


def pyarrow(place: Place) -> Callable[[], Any]:
    """`read_csv` and `write_table`, then one PUT of the file."""
    file, client = csv_of(place), place.client()

    def run() -> dict[str, Any]:
        import pyarrow.parquet as pq
        from pyarrow import csv

        rows, made = csv.read_csv(file), Path(place.scratch) / "bars.parquet"
        pq.write_table(rows, made, compression="zstd", compression_level=3)
        client.put_object(Bucket=place.bucket, Key=f"{place.prefix}/bars.parquet", Body=made.read_bytes())
        return {"rows": rows.num_rows}

    return run


def csv_of(place: Place) -> Path:
    """Write the bars as a CSV file, before the clock starts."""
    import pyarrow.parquet as pq
    from pyarrow import csv

    file = Path(place.scratch) / "bars.csv"
    csv.write_csv(pq.read_table(place.path("bars.parquet")).select(list(KINDS)), file)
    return file


CASES = [
    Case(
        "load",
        "A CSV file into a month of a table",
        {
            "lakeworks": Entry(lakeworks, note="every row checked before anything is sent; landed, audited, published"),
            "pyarrow + PUT": Entry(pyarrow, note="types guessed; no check, no raw copy, no order, no catalog"),
            "polars": Entry(polars, peer=True, note="types guessed; no check, no raw copy, no order, no catalog"),
        },
        "bars",
    )
]  # fmt: skip
