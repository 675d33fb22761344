"""Calls on several threads: the order of the answers, failures, and no thread for one item."""

import threading

import pytest

from lakeworks.core.parallel import map_ordered


def test_answers_come_in_the_order_of_the_items_and_on_as_many_threads() -> None:
    both = threading.Barrier(2, timeout=60)

    def passed(item: int) -> tuple[int, int]:
        both.wait()  # each waits for the other one: one thread alone would never come through
        return item, threading.get_ident()

    answers = map_ordered(passed, iter([3, 1]), 2)
    assert [item for item, _ in answers] == [3, 1]
    assert len({thread for _, thread in answers} | {threading.get_ident()}) == 3


@pytest.mark.parametrize(("items", "expected"), [([], 0), ([7], 1)])
def test_a_single_item_is_done_by_the_caller(items: list[int], expected: int) -> None:
    assert map_ordered(lambda _: threading.get_ident(), iter(items), 4) == [threading.get_ident()] * expected


@pytest.mark.parametrize("items", [[0], [0, 1, 2]])
def test_a_failure_is_the_callers(items: list[int]) -> None:
    with pytest.raises(ZeroDivisionError):
        map_ordered(lambda item: 1 / item, items, 2)
