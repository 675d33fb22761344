"""A vendor's answer that shrinks is landed, and the fetch says so."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from lakeworks.core.partition import Period
from lakeworks.errors import MalformedSource
from lakeworks.lake import Lake
from lakeworks.landing.landing_set import LandingSet
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.sources import FetchRequest
from lakeworks.sources.protocols import ResponseStore
from lakeworks.sources.response import SourceResponse
from tests.conftest import contract_of

DAY = Period.parse("2026-01-06")
CONTRACT = contract_of(
    "bronze.test.bars", source="meter.bars", partition_by=["day"], grain=[],
    columns={"id": {"type": "bigint", "description": ""}},
)  # fmt: skip


class Meter:
    """A vendor that answers as it is set up to."""

    def __init__(self, **answers: bytes) -> None:
        self.answers = answers

    def collect(self, wanted: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        if not self.answers:
            raise MalformedSource("`https://meter.example` keeps answering no data. Nothing was landed.")
        for name, body in self.answers.items():
            landing.fetch_once(
                name, lambda body=body: SourceResponse(body, "https://meter", 200, {}, datetime.now(UTC))
            )  # type: ignore[misc]
        return {"watermark": "7"}


def test_an_answer_with_less_than_half_of_its_bytes_is_noted(
    lake: Lake, run_at: Callable[..., Run], caplog: pytest.LogCaptureFixture
) -> None:
    def fetched(number: int, **answers: bytes) -> LandingSet:
        made = land(lake, CONTRACT, DAY, run_at(number), Meter(**answers))
        assert isinstance(made, LandingSet)
        return made

    assert fetched(1, AAPL=b"x" * 1000, IBM=b"x" * 1000).facts == {"watermark": "7"}
    assert fetched(2, AAPL=b"x" * 600, IBM=b"x" * 1000).facts == {"watermark": "7"}
    with caplog.at_level(logging.WARNING):
        made = fetched(3, AAPL=b"x" * 200, IBM=b"x" * 1000, MSFT=b"x")
    assert made.facts == {"watermark": "7", "shrunk": "AAPL: 600 to 200 bytes"}
    assert [item.size for item in made.answers] == [200, 1000, 1], "it is landed: only its table can judge it"
    assert "less than half of its bytes: AAPL" in caplog.text


def test_an_error_of_a_vendor_names_the_table(lake: Lake, run_at: Callable[..., Run]) -> None:
    with pytest.raises(MalformedSource, match="`bronze.test.bars` 2026-01-06: `https://meter.example` keeps answering"):
        land(lake, CONTRACT, DAY, run_at(1), Meter())
