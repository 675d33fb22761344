"""Objects read as files: small ones are fetched once while they are read, and what is kept of them has a bound."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.ledger.entry import LiveObject
from lakeworks.parquet import pinned_file
from lakeworks.parquet.dataset import open_objects
from lakeworks.parquet.pinned_file import ObjectCache, PinnedObject
from lakeworks.s3.object_store import ObjectStore
from tests.support.memory_s3 import MemoryS3


class Counting(MemoryS3):
    """Knows how often objects were fetched."""

    fetched = 0

    def get_object(self, **asked: object) -> dict[str, object]:
        self.fetched += 1
        return super().get_object(**asked)  # type: ignore[arg-type]


def objects(store: ObjectStore, count: int, rows: int) -> list[LiveObject]:
    made = []
    for number in range(count):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"n": [number] * rows, "text": [f"{number}-{row}" for row in range(rows)]}), sink)
        body = sink.getvalue().to_pybytes()
        stored = store.put(f"silver/{number}", body)
        made.append(
            LiveObject(
                key=stored.key, size=len(body), sha256="", rows=rows, source_key="", version_id=stored.version_id
            )
        )
    return made


@pytest.fixture
def counting() -> ObjectStore:
    return ObjectStore(Counting(), "lake", threads=4)  # type: ignore[arg-type]


def test_a_small_object_is_fetched_once_for_its_schema_and_its_rows(counting: ObjectStore) -> None:
    items = objects(counting, 20, 50)
    found = open_objects(counting, items).to_table()
    assert (found.num_rows, sorted(set(found["n"].to_pylist()))) == (1000, list(range(20)))
    assert counting.client.fetched == 20  # type: ignore[attr-defined]


def test_what_is_kept_of_many_small_objects_has_a_bound(counting: ObjectStore) -> None:
    """Every object's bytes stayed until the end of the scan: 10,000 objects of a megabyte were 10 GB."""
    items = objects(counting, 20, 50)
    kept = ObjectCache(most=3 * items[0].size)
    readers = [PinnedObject(counting, item, kept) for item in items]
    for _ in range(2):
        for number, reader in enumerate(readers):
            assert pq.read_table(reader)["n"][0].as_py() == number
            assert kept.bytes <= kept.most
    assert kept.of(readers[0]) is None
    assert kept.of(readers[-1]) is not None
    assert counting.client.fetched == 40, "fetched again, once a round"  # type: ignore[attr-defined]


def test_one_object_above_the_bound_is_still_read(counting: ObjectStore) -> None:
    (item,) = objects(counting, 1, 50)
    assert pq.read_table(PinnedObject(counting, item, ObjectCache(most=1))).num_rows == 50
    assert counting.client.fetched == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("whole_bytes", [8 << 20, 1], ids=["small", "large"])
def test_the_published_version_is_read_though_another_lies_there(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, whole_bytes: int
) -> None:
    monkeypatch.setattr(pinned_file, "_WHOLE_BYTES", whole_bytes)
    (item,) = objects(store, 1, 50)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"n": [7] * 50, "text": [f"7-{row}" for row in range(50)]}), sink)
    store.put(item.key, sink.getvalue().to_pybytes())
    assert open_objects(store, [item]).to_table()["n"].to_pylist() == [0] * 50
