"""The garbage collector's pace inside bulk steps."""

import gc
from collections.abc import Iterator
from threading import Barrier, Thread

import pytest

from lakeworks.s3.listed.collection_pace import slow_collection


@pytest.fixture(autouse=True)
def usual_pace() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_the_collector_is_slow_inside_and_as_before_after_it() -> None:
    with slow_collection():
        assert gc.get_threshold() == (100_000, 10, 10)
        assert gc.isenabled()
    assert gc.get_threshold() == (700, 10, 10)


def test_an_error_resets_the_pace() -> None:
    with pytest.raises(ValueError, match="broken"), slow_collection():
        raise ValueError("broken")
    assert gc.get_threshold() == (700, 10, 10)


def test_a_step_inside_another_leaves_it_slow() -> None:
    with slow_collection():
        with slow_collection():
            pass
        assert gc.get_threshold() == (100_000, 10, 10)
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("own", [(0, 10, 10), (500_000, 5, 5)])
def test_a_process_that_looks_more_rarely_or_never_keeps_its_pace(own: tuple[int, int, int]) -> None:
    gc.set_threshold(*own)
    with slow_collection():
        assert gc.get_threshold() == own
    assert gc.get_threshold() == own


def test_the_last_of_several_threads_resets_the_pace() -> None:
    both_inside, first_is_out = Barrier(2), Barrier(2)
    seen: list[tuple[int, int, int]] = []

    def first() -> None:
        with slow_collection():
            both_inside.wait(10)
        first_is_out.wait(10)

    def last() -> None:
        with slow_collection():
            both_inside.wait(10)
            first_is_out.wait(10)
            seen.append(gc.get_threshold())

    threads = [Thread(target=work) for work in (first, last)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert seen == [(100_000, 10, 10)]
    assert gc.get_threshold() == (700, 10, 10)
