"""Fetches of many requests: complete or not read at all, continued without asking twice, the same bytes written once."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound, QuotaExhausted
from lakeworks.lake import Lake
from lakeworks.landing.fetches import Fetches, finish
from lakeworks.landing.landing_set import LandingSet
from lakeworks.landing.reader import newest_set
from lakeworks.landing.responses import load_answer
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.sources import FetchRequest, ResponseStore
from lakeworks.sources.response import SourceResponse
from tests.conftest import contract_of

DAY = Period.parse("2026-01-05")
RunAt = Callable[..., Run]
PREFIX = "landing/test/vendor/prices/year=2026/month=01/day=05/"


class KilledError(BaseException):
    """What nothing in the pipeline catches, as SIGKILL."""


@dataclass
class Vendor:
    """Answers from memory and counts; dies or refuses at a symbol."""

    answers: dict[str, str]
    asked: list[str] = field(default_factory=list)
    stop_at: tuple[str, BaseException] | None = None

    def collect(self, wanted: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        for symbol in wanted.options["symbols"]:
            landing.fetch_once(f"{symbol}.json", lambda symbol=symbol: self.ask(symbol), symbol=symbol)  # type: ignore[misc]
        return {"asked": str(len(self.asked))}

    def ask(self, symbol: str) -> SourceResponse:
        if self.stop_at and symbol == self.stop_at[0]:
            raise self.stop_at[1]
        self.asked.append(symbol)
        moment = datetime(2026, 1, 5, 12, len(self.asked), tzinfo=UTC)
        return SourceResponse(
            self.answers[symbol].encode(), f"https://vendor/preis/ü/{symbol}", 200, {"link": "<é>"}, moment
        )


SYMBOLS = ("AAPL", "BRK.B", "^GSPC")


def contract() -> Contract:
    return contract_of(
        "bronze.test.prices", source="vendor.prices", partition_by=["day"], source_options={"symbols": list(SYMBOLS)}
    )


def vendor(**changes: str) -> Vendor:
    return Vendor({**{symbol: f'{{"of": "{symbol}"}}' for symbol in SYMBOLS}, **changes})


def landed(lake: Lake, run: Run, source: Vendor) -> LandingSet:
    found = land(lake, contract(), DAY, run, source)
    assert isinstance(found, LandingSet)
    return found


def test_answers_are_landed_as_received_with_what_is_known_of_them(lake: Lake, run_at: RunAt) -> None:
    made = landed(lake, run_at(1), vendor())
    names = [key.removeprefix(made.prefix) for key in Fetches.below(lake, PREFIX).keys[made.fetch]]
    assert names == sorted(["AAPL.json.gz", "BRK.B.json.gz", "-GSPC-df5087.json.gz", "_set.json"])
    assert gzip.decompress(lake.store.get(f"{made.prefix}AAPL.json.gz")[0]) == b'{"of": "AAPL"}'
    answer, run_id = load_answer(lake, made.answers[2].key)
    assert (answer.json(), answer.facts, answer.headers, run_id) == (
        {"of": "^GSPC"}, {"symbol": "^GSPC"}, {"link": "<é>"}, "manual__1",
    )  # fmt: skip
    assert answer.fetched_at == datetime(2026, 1, 5, 12, 3, tzinfo=UTC)
    assert answer.url == made.answers[2].url == "https://vendor/preis/%C3%BC/^GSPC"
    assert [item.request for item in made.answers] == [f"{symbol}.json" for symbol in SYMBOLS]
    assert (made.facts, made.figures["requests"], made.source, made.period) == (
        {"asked": "3"},
        3,
        "vendor.prices",
        "2026-01-05",
    )
    assert newest_set(lake, contract(), DAY) == made


@pytest.mark.parametrize("reason", [KilledError(), QuotaExhausted("used up", datetime(2026, 1, 6, tzinfo=UTC))])
def test_a_fetch_that_stops_midway_is_not_complete_and_goes_on_from_there(
    lake: Lake, run_at: RunAt, reason: BaseException
) -> None:
    source = vendor()
    source.stop_at = ("^GSPC", reason)
    with pytest.raises(type(reason)):
        landed(lake, run_at(1), source)
    with pytest.raises(LakeNotFound, match=r"1 fetches were begun, none is complete.*Run the fetch step first"):
        newest_set(lake, contract(), DAY)
    source.stop_at = None
    made = landed(lake, run_at(1, attempt=2), source)
    assert source.asked == ["AAPL", "BRK.B", "^GSPC"], "nothing was asked twice"
    assert made.figures["resumed"] == 2
    assert len(Fetches.below(lake, PREFIX).keys) == 1


def test_another_run_continues_a_recent_fetch_and_leaves_an_old_one(lake: Lake, run_at: RunAt) -> None:
    fetches, now = Fetches.below(lake, PREFIX), datetime.now(UTC)
    begun = fetches.open(run_at(1), "question", now)
    begun.fetch_once("AAPL.json", lambda: vendor().ask("AAPL"), symbol="AAPL")
    fetches = Fetches.below(lake, PREFIX)
    (folder,) = fetches.keys
    assert fetches.open(run_at(2), "question", now + timedelta(hours=23)).landed == {*fetches.keys[folder]}
    assert fetches.open(run_at(2), "question", now + timedelta(hours=25)).landed == set()
    assert fetches.open(run_at(2), "another question", now).landed == set()
    assert fetches.open(run_at(1), "question", now + timedelta(days=9)).landed, (
        "its own, however long the quota made it wait"
    )
    assert fetches.open(run_at(1), "another question", now).landed == set()


def test_answers_of_another_day_are_not_continued_with_in_a_table_without_partitions(lake: Lake, run_at: RunAt) -> None:
    table, source = contract().model_copy(update={"partition_by": ()}), vendor()
    source.stop_at = ("BRK.B", KilledError())
    with pytest.raises(KilledError):
        land(lake, table, DAY, run_at(1), source)
    source.stop_at = None
    land(lake, table, Period.parse("2026-01-06"), run_at(2), source)
    assert source.asked == ["AAPL", "AAPL", "BRK.B", "^GSPC"], "yesterday's answer is not today's"


def test_answers_to_other_options_or_of_another_plan_are_not_continued_with(lake: Lake, run_at: RunAt) -> None:
    @dataclass
    class Planned(Vendor):
        variant: str = "free"

    source = Planned(vendor().answers, stop_at=("BRK.B", KilledError()))
    with pytest.raises(KilledError):
        landed(lake, run_at(1), source)
    source.stop_at, source.variant = None, "premium"
    landed(lake, run_at(1, attempt=2), source)
    assert source.asked.count("AAPL") == 2


def test_a_try_of_the_same_run_does_not_fetch_again_but_a_new_run_does(lake: Lake, run_at: RunAt) -> None:
    source = vendor()
    first = landed(lake, run_at(1), source)
    assert landed(lake, run_at(1, attempt=2), source) == first
    assert len(source.asked) == 3
    landed(lake, run_at(2), source)
    assert len(source.asked) == 6


def test_the_same_content_again_stays_what_was_landed_first(lake: Lake, run_at: RunAt) -> None:
    source = vendor()
    first = landed(lake, run_at(1), source)
    again = landed(lake, run_at(2), source)
    assert (again.same_as, again.content) == (first.fetch, first.content)
    assert newest_set(lake, contract(), DAY) == first
    third = landed(lake, run_at(3), source)
    assert third.same_as == first.fetch
    changed = landed(lake, run_at(4), vendor(AAPL="[]"))
    assert (changed.same_as, newest_set(lake, contract(), DAY)) == (None, changed)
    assert load_answer(lake, first.answers[0].key)[0].body == b'{"of": "AAPL"}', "the earlier bytes stay"


@pytest.mark.parametrize("skew", [timedelta(hours=-1), timedelta(0), timedelta(days=400)], ids=str)
def test_what_was_fetched_last_is_read_whatever_the_workers_clocks_say(
    lake: Lake, run_at: RunAt, skew: timedelta
) -> None:
    def fetched(number: int, now: datetime, body: str) -> LandingSet:
        fetches = Fetches.below(lake, PREFIX)
        folder = fetches.open(run_at(number), "question", now)
        folder.fetch_once("AAPL.json", lambda: vendor(AAPL=body).ask("AAPL"), symbol="AAPL")
        return finish(folder, fetches.newest(), {"source": "vendor.prices", "period": str(DAY)})

    now = datetime(2026, 1, 6, 6, tzinfo=UTC)
    lake.store.put(f"{PREFIX}fetch=a-strangers/notes.txt", b"")
    fetched(1, now, "first")
    fetched(2, now + skew, "corrected")
    last = fetched(3, now + timedelta(seconds=1), "corrected again")
    assert newest_set(lake, contract(), DAY) == last
    assert [load_answer(lake, one.answers[0].key)[0].body for one in Fetches.below(lake, PREFIX).distinct()] == [
        b"first", b"corrected", b"corrected again",
    ]  # fmt: skip


def test_what_a_worker_with_a_wrong_clock_left_unfinished_is_not_continued_by_others(lake: Lake, run_at: RunAt) -> None:
    now = datetime(2026, 1, 6, 6, tzinfo=UTC)
    begun = Fetches.below(lake, PREFIX).open(run_at(1), "question", now + timedelta(days=9))
    begun.fetch_once("AAPL.json", lambda: vendor().ask("AAPL"), symbol="AAPL")
    assert Fetches.below(lake, PREFIX).open(run_at(2), "question", now).landed == set()
    assert Fetches.below(lake, PREFIX).open(run_at(1), "question", now).landed, "its own"


def test_two_processes_on_one_fetch_agree(lake: Lake, run_at: RunAt) -> None:
    fetches, now = Fetches.below(lake, PREFIX), datetime.now(UTC)
    one, other = fetches.open(run_at(1), "same", now), fetches.open(run_at(1), "same", now)
    theirs = one.fetch_once("AAPL.json", lambda: vendor(AAPL="1").ask("AAPL"), symbol="AAPL")
    mine = other.fetch_once("AAPL.json", lambda: vendor(AAPL="2").ask("AAPL"), symbol="AAPL")
    assert (theirs.body, mine.body) == (b"1", b"1")
