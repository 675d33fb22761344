"""A load that kills itself (SIGKILL) at a step: `python -m tests.lakeworks.loading.killed_load STEP URL BUCKET FOLDER SCRATCH`."""

import os
import signal
import sys
from pathlib import Path

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.core.file_selection import select
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.loading.period_load import Progress, check_files, load_files
from lakeworks.s3.object_store import ObjectStore, StoredObject, Target
from tests.conftest import client
from tests.lakeworks.loading.conftest import DAY, till_contract


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(step: str, url: str, bucket: str, folder: str, scratch: str) -> None:
    contract, sent = till_contract(), []
    store = ObjectStore(client("s3", url), bucket, threads=1)
    lake = Lake(
        store, GlueCatalog(client("glue", url)), DuckDbEngine(scratch=Path(scratch)), Path(scratch), lambda _: contract
    )
    checks = check_files(contract, select([Path(folder)]))

    def arrived(size: int) -> None:
        sent.append(size)
        if step == "landing" and len(sent) == 2:
            die()

    def begins(name: str) -> None:
        if (step, name) == ("landed", "publishing"):
            die()

    if step == "publishing":  # its rows are staged and audited, and the first entry of the ledger is there
        put = store.put

        def put_once(target: Target | str, body: bytes) -> StoredObject:
            done = put(target, body)
            if done.key.startswith("_ledger/"):
                die()
            return done

        store.put = put_once  # type: ignore[method-assign]
    load_files(lake, contract, DAY, checks, heard=Progress(sent=arrived, step=begins))


if __name__ == "__main__":
    main(*sys.argv[1:])
