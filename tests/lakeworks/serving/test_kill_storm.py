"""Workers are killed, connections cut and publications go on: a reader finds each partition whole, old or new."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from lakeworks.lake import Lake
from lakeworks.serving.database import connected
from lakeworks.serving.differences import compare
from lakeworks.serving.following import serve
from tests.lakeworks.serving.conftest import DAY, NEXT, contract

# Rows and value of each publication: no half of one, and no mixture, has the count and sum of another.
KINDS = ((3000, 1.0), (1700, 7.0), (4100, 0.5))
KILLS = 12 if os.environ.get("LAKE_LONG") else 2
WHOLE = {(count, count * value) for count, value in KINDS}


def rows(kind: int) -> list[dict[str, Any]]:
    count, value = KINDS[kind % len(KINDS)]
    return [{"id": number, "value": value} for number in range(count)]


def test_readers_find_whole_publications_whatever_is_killed(
    address: str, publish: Callable[..., Lake], moto_url: str
) -> None:
    for day in (DAY, NEXT):
        lake = publish(rows(0), day)
    with connected(address) as connection:
        serve(connection, lake, contract())
    over, bad, reads = threading.Event(), list[Any](), 0

    def read() -> None:
        nonlocal reads
        with psycopg.connect(address, autocommit=True, application_name="reader") as connection:
            while not over.is_set():
                found = connection.execute(
                    "SELECT count(*), sum(value) FROM gold_test.rows GROUP BY _partition"
                ).fetchall()
                reads += 1
                if len(found) != 2 or not set(found) <= WHOLE:
                    bad.append(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    command = [sys.executable, "-m", "tests.lakeworks.serving.follower", moto_url, lake.store.bucket, address]
    try:
        for kills in range(KILLS):
            worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            publish(rows(kills + 1), (DAY, NEXT)[kills % 2])
            _wait_for_work(address, worker)
            for _ in range(3):  # connections are cut in the middle of a transaction, too
                time.sleep(0.07 * (kills + 1))
                with psycopg.connect(address, autocommit=True) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lakeworks'"
                    )
            worker.kill()
            worker.communicate()
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert (bad, reads > 20) == ([], True)
    with connected(address) as connection:
        serve(connection, lake, contract())
        assert not any(item.differs for item in compare(connection, lake, contract(), deep=True))


def _wait_for_work(address: str, worker: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    with psycopg.connect(address, autocommit=True) as connection:
        seen = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lakeworks' AND query LIKE 'COPY%%'"
        while not (connection.execute(seen).fetchone() or (0,))[0]:
            assert worker.poll() is None, worker.stderr and worker.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
