"""What lies in a table's ledger and cannot be read, or is not the ledger's."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lakeworks.core.layout import LEDGER
from lakeworks.core.partition import Period
from lakeworks.errors import LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.verification import verify
from tests.protocol.test_versioned import Publishing, contract, table

FOLDER = f"{LEDGER}/silver/test/large/year=2019/month=01"


@pytest.fixture
def months(lake: Lake, run_at: Callable[..., Run]) -> Publishing:
    """Two published months."""
    wanted = contract("plain")
    first = Publishing(replace(lake, contract=lambda _: wanted), wanted)
    first.publish(table(100), run_at(1))
    second = replace(first, month=Period.parse("2019-02"))
    second.publish(table(100), run_at(2))
    return first


def test_a_stray_object_in_the_ledger_blocks_no_run_and_is_found(
    months: Publishing, run_at: Callable[..., Run]
) -> None:
    months.lake.store.put(f"{FOLDER}/0.DS_Store", b"finder")
    assert months.publish(table(100, 2.0), run_at(3)).seq == 2
    (finding,) = verify(months.lake, months.wanted)
    assert (finding.kind, finding.can_be_repaired) == ("foreign object", False)
    assert f"{FOLDER}/0.DS_Store" in finding.detail


def test_an_entry_that_cannot_be_read_is_named_and_stops_no_other_partition(
    months: Publishing, run_at: Callable[..., Run]
) -> None:
    months.lake.store.put(f"{FOLDER}/00000001.json", b"{")
    february = replace(months, month=Period.parse("2019-02"))
    assert february.publish(table(100, 2.0), run_at(3)).state == "published"
    (item,) = (entry for entry in months.lake.live(months.wanted, Period.parse("2019-02")).values())
    months.lake.store.delete([item.objects[0].key])
    findings = {finding.kind: finding for finding in verify(months.lake, months.wanted)}
    assert set(findings) == {"ledger unreadable", "missing object"}
    assert f"{FOLDER}/00000001.json" in findings["ledger unreadable"].detail
    with pytest.raises(LedgerCorrupt, match="00000001.json"):
        months.lake.live(months.wanted, Period.parse("2019-01"))


def test_a_run_record_that_cannot_be_read_is_found(months: Publishing) -> None:
    months.lake.store.put(f"{LEDGER}/silver/test/large/_runs/2019-01/manual.1.json", b"{")
    (finding,) = verify(months.lake, months.wanted)
    assert finding.kind == "ledger unreadable"
    assert "2019-01/manual.1.json" in finding.detail
