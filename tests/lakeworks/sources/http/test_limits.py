"""The budget of a vendor: kept across objects, threads and processes, whatever keeps the state."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.errors import QuotaExhausted
from lakeworks.landing.quota import LakeState
from lakeworks.s3.object_store import ObjectStore
from lakeworks.sources.http.limits import Limiter, Limits
from lakeworks.sources.http.shared_state import FileState, MemoryState, SharedState

START = datetime(2026, 1, 31, 23, 59, 50, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now.timestamp()

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture(params=["memory", "file", "moto", "ministack", "seaweed"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> SharedState:
    if request.param == "memory":
        return MemoryState()
    if request.param == "file":
        return FileState(tmp_path)
    from tests.conftest import new_store

    return LakeState(new_store(request.getfixturevalue(f"{request.param}_url")))


def gate(state: SharedState | None = None, clock: Callable[[], float] | None = None, **limits: float | None) -> Limiter:
    return Limiter("vendor", Limits(**limits), state or MemoryState(), clock or Clock())  # type: ignore[arg-type]


def test_a_document_is_only_changed_by_who_has_seen_it(state: SharedState) -> None:
    assert state.read("a.json") is None
    assert not state.swap("a.json", b"1", "unknown")
    assert state.swap("a.json", b"1", None)
    assert not state.swap("a.json", b"2", None)
    body, tag = state.read("a.json") or (b"", "")
    assert body == b"1"
    assert state.swap("a.json", b"2", tag)
    assert not state.swap("a.json", b"3", tag), "the tag is of the first version"
    assert (state.read("a.json") or (b"",))[0] == b"2"


def test_a_days_quota_is_shared_by_all_and_named_with_its_end(state: SharedState) -> None:
    clock = Clock()
    gates = [gate(state, clock, per_day=25) for _ in range(3)]
    for number in range(25):
        assert gates[number % 3].reserve() == 0
    with pytest.raises(
        QuotaExhausted, match=r"`vendor` takes no request before 2026-02-01 00:00:00 UTC: all 25"
    ) as raised:
        gates[0].reserve()
    assert raised.value.retry_at == datetime(2026, 2, 1, tzinfo=UTC)
    clock.passes(seconds=10)
    assert gates[1].reserve() == 0


def test_the_month_counts_too() -> None:
    clock = Clock()
    limiter = gate(clock=clock, per_month=1, per_day=5)
    limiter.reserve()
    with pytest.raises(QuotaExhausted, match="of 2026-01") as raised:
        limiter.reserve()
    assert raised.value.retry_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_requests_are_spaced_and_a_burst_is_let_through() -> None:
    clock = Clock()
    assert [gate(clock=clock, per_second=1).reserve()] == [0]
    limiter = gate(clock=clock, per_second=1)
    assert [limiter.reserve() for _ in range(4)] == [0, 1, 2, 3]
    clock.passes(seconds=10)
    assert limiter.reserve() == 0
    bucket = gate(clock=clock, per_second=2, burst=3)
    assert [bucket.reserve() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]


def test_who_would_wait_too_long_is_sent_away_and_takes_no_place() -> None:
    clock = Clock()
    limiter = gate(clock=clock, per_second=0.01)
    assert [limiter.reserve() for _ in range(4)] == [0, 100, 200, 300]
    for _ in range(2):
        with pytest.raises(QuotaExhausted, match="next 400 s are waiting") as raised:
            limiter.reserve()
    assert raised.value.retry_at == START + timedelta(seconds=400)


@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(st.lists(st.tuples(st.floats(0, 50_000), st.integers(1, 40)), max_size=30), st.integers(1, 5))
def test_no_order_of_requests_gets_more_than_the_limits(steps: list[tuple[float, int]], burst: int) -> None:
    clock, sent = Clock(), []
    limiter = gate(clock=clock, per_second=1, burst=burst, per_day=25, per_month=60)
    for pause, requests in steps:
        clock.passes(seconds=pause)
        for _ in range(requests):
            with suppress(QuotaExhausted):
                sent.append((clock.now, clock.now + timedelta(seconds=limiter.reserve())))
    taken = Counter(begun.date() for begun, _ in sent)
    assert max(taken.values(), default=0) <= 25
    assert max(Counter((begun.year, begun.month) for begun, _ in sent).values(), default=0) <= 60
    moments = sorted(moment for _, moment in sent)
    for first, last in zip(moments, moments[burst:], strict=False):
        assert last - first >= timedelta(seconds=1, milliseconds=-1), "never more than the burst within a second"


def test_threads_never_get_more_than_the_quota(state: SharedState) -> None:
    def take(limiter: Limiter) -> int:
        taken = 0
        while True:
            try:
                limiter.reserve()
            except QuotaExhausted:
                return taken
            taken += 1

    limiters = [gate(state, per_day=12) for _ in range(4)]
    for limiter in limiters:
        limiter.sleep = lambda _: None
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(take, limiters)) == 12


def test_processes_never_get_more_than_the_quota(tmp_path: Path) -> None:
    script = """
import sys; from pathlib import Path
from lakeworks.errors import QuotaExhausted
from lakeworks.sources.http.limits import Limiter, Limits
from lakeworks.sources.http.shared_state import FileState
limiter, taken = Limiter("vendor", Limits(per_day=30), FileState(Path(sys.argv[1])), clock=lambda: 1.7e9), 0
try:
    while True:
        limiter.reserve(); taken += 1
except QuotaExhausted:
    print(taken)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(process.communicate(timeout=60)[0]) for process in running) == 30


def test_what_a_vendor_says_holds_for_every_task_and_survives_it(store: ObjectStore) -> None:
    clock = Clock()
    first = gate(LakeState(store), clock)
    assert first.close(START + timedelta(hours=5), "it said so").retry_at == START + timedelta(hours=5)
    with pytest.raises(QuotaExhausted, match="it said so"):
        gate(LakeState(store), clock).reserve()
    assert [item.key for item in store.scan("_quota/")] == ["_quota/vendor.json"]
    clock.passes(hours=5)
    gate(LakeState(store), clock).reserve()


def test_a_vendor_that_keeps_failing_is_left_alone_then_tried_by_one() -> None:
    clock, state = Clock(), MemoryState()
    one, other = gate(state, clock), gate(state, clock)
    for _ in range(5):
        one.reserve()
        one.failed()
    with pytest.raises(QuotaExhausted, match="it failed 5 times in a row") as raised:
        other.reserve()
    assert raised.value.retry_at == START + timedelta(seconds=60)
    clock.passes(seconds=61)
    one.reserve()
    with pytest.raises(QuotaExhausted):
        other.reserve()
    one.failed()
    with pytest.raises(QuotaExhausted) as raised:
        other.reserve()
    assert raised.value.retry_at == clock.now + timedelta(seconds=120), "twice as long"
    clock.passes(seconds=121)
    other.reserve()
    other.succeeded()
    assert one.reserve() == 0


def test_an_unreadable_document_starts_again(caplog: pytest.LogCaptureFixture) -> None:
    state = MemoryState()
    state.swap("vendor.json", b"{half", None)
    assert gate(state, per_day=1).reserve() == 0
    assert "was reset" in caplog.text


def test_a_failed_request_counts_too() -> None:
    """Vendors count what they refused."""
    limiter = gate(per_day=2)
    for _ in range(2):
        limiter.reserve()
        limiter.failed()
    with pytest.raises(QuotaExhausted, match="all 2 requests of 2026-01-31"):
        limiter.reserve()


def test_a_shorter_closing_does_not_shorten_a_longer_one() -> None:
    clock = Clock()
    limiter = gate(clock=clock)
    limiter.close(START + timedelta(hours=5), "five hours")
    limiter.close(START + timedelta(hours=1), "one hour")
    clock.passes(hours=2)
    with pytest.raises(QuotaExhausted):
        limiter.reserve()
