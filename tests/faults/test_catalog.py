"""Glue's requests break while a table is registered: live data is whole, and the next attempt registers it."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.errors import TransientError
from lakeworks.lake import Lake
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.verification import verify
from lakeworks.pipeline.registration import Registrar
from tests.chaos.harness import staged
from tests.chaos.table import CONTRACT
from tests.faults.fault_proxy import Faults, Kind, Request, proxy
from tests.faults.line import impatient

RunAt = Callable[..., Run]
KINDS: tuple[Kind, ...] = ("500 after", "reset before", "garbled")


@pytest.fixture
def lake(lake: Lake) -> Lake:
    """A lake whose one table is the chaos writers'."""
    return replace(lake, contract=lambda _: CONTRACT)


@pytest.fixture
def broken(lake: Lake, moto_url: str) -> Iterator[tuple[Lake, Faults]]:
    with proxy(moto_url) as (url, faults):
        yield replace(lake, catalog=GlueCatalog(impatient("glue", url))), faults


def nth_call(number: int, kind: Kind) -> Callable[[Request], Kind | None]:
    return lambda request: kind if request.number == number else None


@pytest.mark.parametrize("kind", KINDS)
def test_whichever_call_to_glue_breaks_the_next_attempt_registers_what_is_live(
    lake: Lake, broken: tuple[Lake, Faults], run_at: RunAt, tmp_path: Path, kind: Kind
) -> None:
    via, faults = broken
    calls = 0
    for number in itertools.count(1):
        faults.choose(nth_call(number, kind))
        entries = staged(lake, number, "2019-01", run_at(number), tmp_path)
        try:
            Publisher(via.ledger, Registrar(via, CONTRACT)).publish(entries)
        except TransientError:
            pass
        finally:
            faults.peace()
        again = staged(lake, number, "2019-01", run_at(number, attempt=2), tmp_path)
        Publisher(lake.ledger, Registrar(lake, CONTRACT)).publish(again)
        assert verify(lake, CONTRACT, deep=True) == []
        if not faults.broken:
            break
        calls = number
    assert calls >= 3


@pytest.mark.parametrize("operation", ["CreateDatabase", "CreateTable", "BatchCreatePartition"])
def test_what_another_process_created_meanwhile_is_no_error(
    lake: Lake, moto_url: str, run_at: RunAt, tmp_path: Path, operation: str
) -> None:
    """boto3 repeats a call whose answer was lost, and neighbours register their first partitions at one moment: both find it there."""
    with proxy(moto_url) as (url, faults):
        via = replace(lake, catalog=GlueCatalog(impatient("glue", url, attempts=2)))
        left = [1]

        def chooser(request: Request) -> Kind | None:
            hit = request.operation == operation and left[0] > 0
            left[0] -= hit
            return "reset after" if hit else None

        faults.choose(chooser)
        Publisher(via.ledger, Registrar(via, CONTRACT)).publish(staged(lake, 1, "2019-01", run_at(1), tmp_path))
        assert len(faults.broken) == 1
    assert verify(lake, CONTRACT, deep=True) == []
