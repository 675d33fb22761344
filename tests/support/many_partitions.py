"""A published table of many partitions, made in seconds: moto's S3 in this process is filled directly, then used over HTTP."""

import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import Contract
from lakeworks.core.layout import live_key, live_prefix
from lakeworks.core.partition import Partition
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.registration import Registrar
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import client, contract_of
from tests.support.glue_server import Glue, serving_glue

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def prices(**changes: Any) -> Contract:
    """Prices by symbol and day."""
    columns = {
        "symbol": {"type": "string", "required": True, "description": "Ticker."},
        "traded_on": {"type": "date", "required": True, "description": "Day."},
        "close": {"type": "double", "description": "Closing price."},
        "volume": {"type": "int", "description": "Shares."},
        **changes.pop("columns", {}),
    }
    grain = ["symbol", "traded_on"]
    by = ["symbol", "day(traded_on)"]
    return contract_of("silver.market.prices", **{"grain": grain, "partition_by": by, "columns": columns, **changes})


def partitions(count: int, days: int = 250) -> list[Partition]:
    """Symbols S000, S001, ... of `days` days each."""
    first = date(2020, 1, 1)
    found = []
    for number in range(count):
        day = first + timedelta(days=number % days)
        pairs = (
            ("symbol", f"S{number // days:03d}"),
            ("year", f"{day:%Y}"),
            ("month", f"{day:%m}"),
            ("day", f"{day:%d}"),
        )
        found.append(Partition(pairs))
    return found


def entry(contract: Contract, partition: Partition, number: int = 1, **changes: Any) -> LedgerEntry:
    """A complete publication of one object."""
    item = LiveObject(
        key=live_key(contract.table, partition), size=1000 + number, sha256=f"{number:064x}", rows=10 * number, source_key="_staging/x",
        version_id="v1",
    )  # fmt: skip
    values: dict[str, Any] = {
        "table": contract.name, "partition": partition.path, "seq": number, "state": "published", "live_seq": number,
        "run": Run(id=f"manual__{number}", started_at=BEGAN + timedelta(hours=number)), "period": "2020-01",
        "contract_version": contract.version, "schema_fingerprint": "f", "content": item.sha256, "objects": (item,),
        "location": live_prefix(contract.table, partition), "audit": {"passed": True}, "reserved_at": BEGAN,
    }  # fmt: skip
    return LedgerEntry.model_validate({**values, **changes})


@dataclass
class Many:
    """The lake, its catalog server, and counted S3 calls."""

    lake: Lake
    glue: Glue
    calls: dict[str, int]
    backend: Any

    def put(self, entries: Sequence[LedgerEntry], *, objects: bool = True) -> None:
        """Put ledger entries (and their objects) into S3 past HTTP."""
        bucket = self.lake.store.bucket
        for item in entries:
            self.backend.put_object(bucket, item.key, item.model_dump_json().encode())
            for live in item.objects if objects else ():
                self.backend.put_object(bucket, live.key, b"x")

    def publish(self, contract: Contract, entries: Sequence[LedgerEntry]) -> None:
        """As a publication leaves ledger, objects and catalog."""
        self.put(entries)
        Registrar(self.lake, contract)(entries)

    def reset(self) -> None:
        """Count from here."""
        self.glue.calls.clear()
        self.calls.clear()


@contextmanager
def many(folder: Path, glue_threads: int = 4) -> Iterator[Many]:
    """An empty lake on servers of this process."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    calls: dict[str, int] = {}
    lock = threading.Lock()

    def count(model: Any, **_: Any) -> None:
        with lock:
            calls[model.name] = calls.get(model.name, 0) + 1

    try:
        with serving_glue() as (glue, url):
            s3 = client("s3", f"http://{host}:{port}")
            bucket = f"many-{uuid.uuid4().hex[:12]}"  # moto keeps its buckets as long as the process
            s3.create_bucket(Bucket=bucket)
            s3.meta.events.register("before-call.s3", count)
            store = ObjectStore(s3, bucket, threads=8)
            catalog = GlueCatalog(client("glue", url), threads=glue_threads, sleep=lambda _: None)
            lake = Lake(store, catalog, DuckDbEngine(scratch=folder), folder)
            yield Many(lake, glue, calls, s3_backends[DEFAULT_ACCOUNT_ID]["aws"])
    finally:
        server.stop()
