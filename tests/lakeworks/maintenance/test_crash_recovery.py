"""Roll-forward: a run that was killed between its partitions is live as a whole afterwards; one bad partition stops no other."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.crash_recovery import roll_forward
from lakeworks.maintenance.verification import verify
from tests.protocol.test_versioned import Killed, Publishing, contract, table

MONTHS = ("2019-01", "2019-02", "2019-03", "2019-04")
RunAt = Callable[..., Run]


def of(month: str) -> Partition:
    return Partition.of_period(Period.parse(month))


@pytest.mark.parametrize("layout", ["plain", "versioned"])
def test_what_a_dead_writer_began_is_completed_or_given_up(lake: Lake, run_at: RunAt, layout: str) -> None:
    wanted = contract(layout)
    lake = replace(lake, contract=lambda _: wanted)
    writers = {month: Publishing(lake, wanted, Period.parse(month)) for month in MONTHS}
    writers["2019-04"].publish(table(300), run_at(1))
    for month in MONTHS[:3]:
        with pytest.raises(Killed):
            writers[month].publish(table(300), run_at(2), die_at="place")
    lost = lake.ledger.read(wanted.table, of("2019-02"), 1).entry
    lake.store.delete([item.source_key for item in lost.objects])
    broken = lake.ledger.read(wanted.table, of("2019-03"), 1).entry
    lake.store.put(broken.key, b"{")
    done = roll_forward(lake, wanted)
    assert (done.completed, done.abandoned) == ((of("2019-01"),), (of("2019-02"),))
    assert [text.partition(":")[0] for text in done.failed] == ["2019-03"]
    assert lake.ledger.live(wanted.table, of("2019-01")) is not None
    lake.store.delete([broken.key])
    assert {finding.kind for finding in verify(lake, wanted)} == {"abandoned"}
    assert roll_forward(lake, wanted).completed == (), "another one finds nothing"


@pytest.mark.parametrize("rows", [300, 400])
def test_a_number_of_rows_that_were_live_before_is_no_finding(lake: Lake, run_at: RunAt, rows: int) -> None:
    """Seed 2036018: another process had completed the run, and its writer gave up the number that it took once more."""
    wanted = contract()
    lake = replace(lake, contract=lambda _: wanted)
    writer = Publishing(lake, wanted)
    writer.publish(table(300), run_at(1))
    writer.publish(table(200), run_at(2))
    with pytest.raises(Killed):
        writer.publish(table(rows), run_at(3), die_at="place")
    stored = lake.ledger.latest(wanted.table, of("2019-01"))
    assert stored
    entry = stored.entry.model_copy(update={"run": run_at(1)})
    lake.ledger.complete(stored, entry.model_copy(update={"state": "abandoned"}))
    assert [finding.kind for finding in verify(lake, wanted)] == ([] if rows == 300 else ["abandoned"])
