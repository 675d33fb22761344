"""Pictures of the lake page for docs/images: `python -m tests.support.lake_pictures docs/images`, with a Chromium.

They show the taxi's tables over a year with one honest gap, a month whose input was published again, a failed run and three
days with quarantined rows.
"""

import os
import socket
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
import uvicorn
from fastapi import FastAPI

from lakeworks.airflow_api import Activity
from lakeworks.contract import Contract, load_contract
from lakeworks.core.layout import quarantine_key, run_key
from lakeworks.core.partition import Partition, Period, period_range
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord, inputs_fingerprint
from lakeworks_airflow.lake_page.application import page_of
from lakeworks_airflow.lake_page.person import Person
from tests.support.airflow_acts import serving_acts
from tests.support.chromium import ABSENT, browsing, executable
from tests.support.many_partitions import Many, entry, many

ZONES, RECEIVED, TRIPS, DEMAND, SUMMARY = (
    load_contract(name)
    for name in (
        "reference.transport.zones", "bronze.transport.yellow_trips", "silver.transport.trips", "gold.transport.hourly_demand",
        "gold.transport.zone_daily_summary",
    )
)  # fmt: skip
GAP, CHANGED, FAILED, QUARANTINED = "2019-05", "2019-08", "2019-11", "2019-03"
QUARANTINED_DAYS = tuple(f"year=2019/month=03/day={day}" for day in ("05", "14", "22"))
RUN = Run(id="manual__1", started_at=datetime(2026, 1, 1, tzinfo=UTC))
PICTURES = {
    "lake-overview.png": ("/lake/", 1280, 860),
    "lake-table.png": ("/lake/tables/silver.transport.trips", 1280, 860),
    "lake-plan.png": ("/lake/tables/silver.transport.trips/plan?act=backfill&from=2019-04&to=2019-11", 1280, 800),
    "lake-money.png": ("/lake/money?compare=yes&lifecycle=30:STANDARD_IA", 1280, 860),
}


def fill(found: Many) -> None:
    """Publish a year of the taxi's tables."""
    found.publish(ZONES, [entry(ZONES, Partition(), period="2019-01")])
    record(found, ZONES, "2019-01")
    for month in period_range(Period.parse("2019-01"), datetime(2020, 1, 1, tzinfo=UTC)):
        key, whole, days = (
            str(month),
            Partition.of_period(month),
            [Partition.of_period(day) for day in month.split("day")],
        )
        found.publish(RECEIVED, [entry(RECEIVED, whole, 1, period=key)])
        record(found, RECEIVED, key)
        if key == GAP:
            continue
        read = [(RECEIVED.name, whole.path, 7 if key == CHANGED else 1), (ZONES.name, "", 1)]
        publish_days(found, TRIPS, key, days, inputs_fingerprint(read))
        record(found, TRIPS, key, 37 if key == QUARANTINED else 0)
        for built in (DEMAND, SUMMARY):
            publish_days(found, built, key, days, inputs_fingerprint([(TRIPS.name, day.path, 1) for day in days]))
            record(found, built, key)


def publish_days(found: Many, contract: Contract, period: str, days: list[Partition], inputs: str) -> None:
    """Publish a month's days, with more rows on working days."""
    entries = []
    for day in days:
        slot = day.period
        weekend = slot is not None and slot.start.weekday() >= 5
        one = entry(contract, day, period=period, inputs=inputs)
        rows = 9_000 + (slot.start.toordinal() * 613 % 1_700 if slot else 0) - 2_600 * weekend
        item = one.objects[0].model_copy(update={"rows": rows, "size": rows * 53})
        entries.append(one.model_copy(update={"objects": (item,)}))
    found.publish(contract, entries)


def record(found: Many, contract: Contract, period: str, quarantined: int = 0) -> None:
    """Leave the record of a run, and the file of the rows that it quarantined."""
    balance = RowBalance(read=280_000, staged=280_000 - quarantined, quarantined=quarantined)
    written = RunRecord(
        table=contract.name, period=period, run=RUN, contract_version=contract.version, schema_fingerprint="f", balance=balance,
        partitions=(), quarantined_in=dict(zip(QUARANTINED_DAYS, (20, 11, 6), strict=True)) if quarantined else {},
    )  # fmt: skip
    at = Period.parse(period)
    found.lake.store.put(run_key(contract.table, at, RUN.key), written.model_dump_json().encode())
    if quarantined:
        found.lake.store.put(quarantine_key(contract.table, at, RUN.key), b"x")


def main(folder: Path) -> None:
    """Fill a lake, serve its pages, photograph them."""
    program = executable()
    if program is None:
        sys.exit(ABSENT)
    failed = Activity(
        TRIPS.name, FAILED, "failed", datetime.now(UTC) + timedelta(hours=1), "taxi manual__2 write: failed"
    )
    person = Person("admin", "session", "token", "secret", lambda _: True)
    tables = tuple(contract.name for contract in (ZONES, RECEIVED, TRIPS, DEMAND, SUMMARY))
    with (
        TemporaryDirectory() as scratch,
        many(Path(scratch)) as found,
        serving_acts({"taxi": tables}) as airflow,
        browsing(program) as browser,
    ):
        fill(found)
        airflow.grain = "month"
        os.environ |= {
            "LAKE_BUCKET": found.lake.store.bucket,
            "LAKE_REGION": "us-east-1",
            "LAKE_AIRFLOW_URL": airflow.url,
        }
        app = FastAPI()
        app.mount("/lake", page_of(lambda: found.lake, lambda: person, lambda _: ((failed,), "")))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
        threading.Thread(target=server.run, daemon=True).start()
        for name, (path, width, height) in PICTURES.items():
            url = f"http://127.0.0.1:{port}{path}"
            wait_for(url)
            browser.open(url, width, height)
            browser.picture(folder / name)
        server.should_exit = True


def wait_for(url: str) -> None:
    """Wait until the page's first reading is complete."""
    while True:
        try:
            if "Refresh" not in requests.get(url, timeout=60).headers:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.5)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
