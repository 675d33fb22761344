"""Iceberg readers beside killed writers: each read is one whole run over all its days, whichever client reads.

A writer process publishes six days as one run, all of whose rows carry the run's number, and kills itself with SIGKILL at a step of the
protocol, or in the middle of making the snapshot. A reader process opens the table all along, as any client of Glue does.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from pyiceberg.exceptions import NoSuchTableError

from lakeworks.errors import LakeError
from lakeworks.ledger.publisher import Publisher
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.half_runs import finish_runs
from lakeworks.maintenance.verification import verify
from tests.chaos.harness import FORK, STEPS, Tally, bound, bound_to_owner, reading
from tests.lakeworks.iceberg.orders import Orders, Row, day

DAYS, ROWS_A_DAY = 6, 20
LAST_STEPS = ("visible", "snapshot")
# Rows as a client of Iceberg reads them; None if there is no table yet.
ReadRows = Callable[[Orders], Sequence[Row] | None]


def by_pyiceberg(orders: Orders) -> Sequence[Row] | None:
    """Rows by pyiceberg."""
    try:
        return orders.by_iceberg()
    except NoSuchTableError:
        return None


def rows_of_run(number: int) -> list[Row]:
    """The rows of a run: its number is every amount."""
    ids = range(1, DAYS * ROWS_A_DAY + 1)
    return [(one, day(1 + one % DAYS), "north", Decimal(number).quantize(Decimal("0.01"))) for one in ids]


def publish(orders: Orders, number: int, die_at: str, delay: float) -> None:
    """The writer process. Exit code 3 for an error of the tree."""
    orders.number = number - 1

    def step(name: str) -> None:
        if name == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    publisher = orders.publisher(step)
    try:
        _with_deaths(publisher, die_at, delay, step).publish(orders.staged(rows_of_run(number)))
    except LakeError:
        os._exit(3)
    os._exit(0)


def _with_deaths(publisher: Publisher, die_at: str, delay: float, step: Callable[[str], None]) -> Publisher:
    """The publisher, which dies before it makes the snapshot (`visible`), or while it does (`snapshot`)."""
    show = publisher.on_visible

    def visible(entries: Any) -> Any:
        step("visible")
        if die_at == "snapshot":
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return show(entries)

    return replace(publisher, on_visible=visible)


def read_forever(orders: Orders, stop: Any, reads: Any, bad: Any) -> None:
    """The reader process: every read is one whole run, and none is older than one that was read before."""
    newest = Decimal(0)
    while not stop.is_set():
        time.sleep(0.01)
        rows = by_pyiceberg(orders)
        if rows is None:
            if newest:
                bad.append("the table is gone")
            continue
        reads.value += 1
        amounts = {row[3] for row in rows}
        if len(rows) != DAYS * ROWS_A_DAY or len(amounts) != 1:
            bad.append(f"{len(rows)} rows of the runs {sorted(amounts)}")
        elif (found := amounts.pop()) < newest:
            bad.append(f"run {found} after run {newest}")
        else:
            newest = found


def iceberg_storm(orders: Orders, kills: int, seed: int, clients: Sequence[ReadRows] = (by_pyiceberg,)) -> Tally:
    """Kill writers until `kills` have died. After every round, what each client reads is compared with the ledger.

    Right after a death the clients may be a run behind, whole; after a repair they have the ledger's rows.
    """
    chance, tally, number, began = random.Random(seed), Tally(), 0, time.monotonic()
    with reading(tally, read_forever, orders):
        while tally.kills < kills:
            number += 1
            die_at, delay = chance.choice([*STEPS, *LAST_STEPS, *LAST_STEPS, ""]), chance.uniform(0, 0.2)
            writer = FORK.Process(target=bound, args=(bound_to_owner(), publish, orders, number, die_at, delay))
            writer.start()
            writer.join(60)
            tally.count(writer.exitcode, "2019-01", number)
            tally.bad += [f"after run {number}: {one}" for one in _unlike(orders, clients, repaired=False)]
            list(compare_catalog(orders.lake, orders.wanted, repair=True))
            tally.unhealed += [
                f"after run {number}, {die_at}: {one}" for one in _unlike(orders, clients, repaired=True)
            ]
        finish_runs(orders.lake, orders.wanted, timedelta(0))
        last = FORK.Process(target=bound, args=(bound_to_owner(), publish, orders, number + 1, "", 0.0))
        last.start()
        last.join(60)
    tally.unhealed += [] if last.exitcode == 0 else ["after everything a writer publishes"]
    tally.unhealed += [f"at the end: {one}" for one in _unlike(orders, clients, repaired=True)]
    tally.unhealed += [f"{one.kind}: {one.detail}" for one in verify(orders.lake, orders.wanted, deep=True)]
    tally.seconds = time.monotonic() - began
    return tally


def _unlike(orders: Orders, clients: Sequence[ReadRows], *, repaired: bool) -> list[str]:
    """What clients read that is not a whole run, or, once repaired, not what the ledger has."""
    ledger, found = orders.by_ledger(), []
    for client in clients:
        rows = list(client(orders) or ())
        whole = len({row[3] for row in rows}) <= 1 and len(rows) in (0, DAYS * ROWS_A_DAY)
        if not whole or (repaired and rows != ledger):
            found.append(f"{client.__name__} reads {len(rows)} rows, the ledger has {len(ledger)}")
    return found
