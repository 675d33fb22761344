"""A run over several partitions that loses one of its numbers to another run."""

from typing import Any

import pytest

from lakeworks.errors import LostRace
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.publisher import Publisher
from lakeworks.s3.object_store import ObjectStore
from tests.lakeworks.ledger.test_publisher import TABLE, FakeGlue
from tests.lakeworks.ledger.test_request_count import HOURS, publish, run, staged
from tests.support.memory_s3 import MemoryS3


def test_the_confirmations_it_took_are_registered() -> None:
    """They are complete in the ledger as soon as they are reserved, so no later process would see that Glue lacks them."""
    client: Any = MemoryS3()
    store, catalog, hours = ObjectStore(client, "lake", threads=1), FakeGlue(), HOURS[:4]
    publish(store, 1, hours[:2])

    def overtake(step: str) -> None:
        if step == "reserve":
            publish(store, 3, hours[2:3], "newer rows")

    wanted = staged(store, 2, hours)
    with pytest.raises(LostRace, match="2019-01-05T02: another writer took publication 1 first"):
        Publisher(Ledger(store), catalog, on_step=overtake).publish(wanted)
    ledger = Ledger(store)
    newest = {hour: ledger.newest(TABLE, hour) for hour in hours[:3]}
    assert [found.entry.run for found in newest.values() if found] == [run(2), run(2), run(3)]
    for hour in hours[:2]:
        stored = newest[hour]
        assert stored
        assert catalog.entries[hour.path] == stored.entry
    assert ledger.latest(TABLE, hours[3]) is None, "no further number is taken for a run that cannot be whole"
