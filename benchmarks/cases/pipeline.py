"""A month of trips through the lake's own steps on S3 and Glue: what audit and publication cost beside the write they guard."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Entry, Place
from benchmarks.cases.catalog import catalog_of
from benchmarks.cases.transform import good_trips, zones_of
from benchmarks.cases.write_peers import object_store
from benchmarks.sample import forget_peak, status

_ZONES, _BRONZE, _SILVER = "reference.transport.zones", "bronze.transport.yellow_trips", "silver.transport.trips"


def lakeworks(place: Place) -> Callable[[], Any]:
    """Lands the month, then times every step; a second run of silver shows what an unchanged month costs."""
    step, facts = _steps(place)

    def run() -> dict[str, Any]:
        step(_ZONES, 1, " (zones)")
        step(_BRONZE, 1, " (bronze, 1 partition)")
        rows = step(_SILVER, 1, " (silver, 31 partitions)")
        step(_SILVER, 2, " (silver again, unchanged)")
        return {"rows": rows, **facts}

    return run


def silver(place: Place) -> Callable[[], Any]:
    """Bronze is published before the clock starts; then silver is written, audited and published."""
    step, _ = _steps(place)
    step(_ZONES, 1, "")
    step(_BRONZE, 1, "")
    return lambda: {"rows": step(_SILVER, 1, "")}


def script(place: Place) -> Callable[[], Any]:
    """What a person writes in an afternoon: bronze from S3, the good rows, one sink by day."""
    import polars as pl

    place.client().upload_file(str(place.path("bronze.parquet")), place.bucket, f"{place.prefix}/bronze.parquet")
    stored = pl.scan_parquet(f"{place.uri}/bronze.parquet", storage_options=object_store(place))
    good = good_trips(stored, zones_of(place)).with_columns(pl.col("pickup_at").dt.date().alias("date"))

    def run() -> dict[str, Any]:
        good.sink_parquet(
            pl.PartitionBy(f"{place.uri}/silver", key="date", include_key=False),
            compression="zstd", compression_level=3, storage_options=object_store(place), mkdir=True,
        )  # fmt: skip
        written = pl.scan_parquet(f"{place.uri}/silver/**/*.parquet", storage_options=object_store(place))
        return {"rows": written.select(pl.len()).collect().item()}

    return run


def _steps(place: Place) -> tuple[Callable[[str, int, str], int], dict[str, dict[str, float]]]:
    """Return what runs a table's steps on a new lake, and the figures of each step."""
    import great_expectations  # noqa: F401 - Airflow's workers have it loaded (`preload`)
    import pyarrow as pa

    from lakeworks.contract import load_contract
    from lakeworks.core.partition import Period
    from lakeworks.engines.duckdb import DuckDbEngine
    from lakeworks.lake import Lake
    from lakeworks.ledger.run_record import Run
    from lakeworks.pipeline.audit_step import audit
    from lakeworks.pipeline.fetch_step import land
    from lakeworks.pipeline.publish_step import publish
    from lakeworks.pipeline.write_step import write
    from lakeworks.s3.fast_client import FastS3Client
    from lakeworks.s3.object_store import ObjectStore
    from lakeworks.sources import Download

    class Local:
        """A source whose files are here."""

        def fetch(self, dataset: str, period: Any, *, known_etag: str | None, scratch: Path) -> Download:
            path = place.path("zones.csv" if "zone" in dataset else "trips.parquet")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            at = datetime(2019, 2, 1, tzinfo=UTC)
            return Download(path, f"file:{path.name}", digest[:8], None, digest, path.stat().st_size, at)

    scratch = Path(place.scratch)
    store = ObjectStore(place.client(), place.bucket, fast_client=FastS3Client.of(place.client()))
    lake = Lake(store, catalog_of(place), DuckDbEngine("1GB", 2, scratch), scratch)
    period = Period.parse("2019-01")
    phases: dict[str, float] = {}
    cpu: dict[str, float] = {}
    peaks: dict[str, float] = {}

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        """A step's seconds, wall and CPU, and the process's peak memory during it."""
        pa.default_memory_pool().release_unused()  # Airflow gives each step a process of its own
        forget_peak()
        begun, burnt = time.perf_counter(), time.process_time()
        yield
        phases[step], cpu[step] = time.perf_counter() - begun, time.process_time() - burnt
        peaks[step] = status("VmHWM")

    def step(table: str, number: int, label: str) -> int:
        run = Run(id=f"bench__{number}", started_at=datetime(2026, 1, number, tzinfo=UTC), attempt=1)
        if load_contract(table).source:
            land(lake, load_contract(table), period, run, Local())
        with timed(f"write{label}"):
            written = write(lake, table, period, run)
        with timed(f"audit{label}"):
            audited = audit(lake, written.key)
        with timed(f"publish{label}"):
            publish(lake, audited.key)
        return written.balance.staged

    return step, {"phases": phases, "cpu": cpu, "peaks": peaks}


ENTRIES = {"lakeworks": Entry(lakeworks)}
UNGUARDED = {
    "lakeworks": Entry(silver, note="written, audited, published in ledger and catalog; broken rows kept with reasons"),
    "polars script": Entry(
        script, peer=True, note="good rows only; no audit, no order, no catalog; a reader sees a half-written month"
    ),
}
CASES = [
    Case("pipeline", "A month of trips through every step", ENTRIES, "bronze"),
    Case("unguarded", "A month of trips from bronze to published silver, against a script", UNGUARDED, "bronze"),
    Case("pipeline_quarter", "Three months of trips as one, through every step", ENTRIES, "bronze", scale=3),
]
