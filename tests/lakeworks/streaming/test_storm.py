"""The short storm over a stream, in every test run; `make chaos` is the long one (docs/streaming.md has its figures)."""

from pathlib import Path

from tests.chaos.streams import stream_storm


def test_killed_producers_consumers_and_steps_lose_and_double_nothing(moto_url: str, tmp_path: Path) -> None:
    tally = stream_storm(moto_url, kills=12, seed=5, folder=tmp_path)
    assert tally.wrong == []
    assert (tally.kills >= 12, tally.consumers > 0) == (True, True)
    assert tally.broken > 5
