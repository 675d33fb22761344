"""Sources without a network: the exchange's calendar and declared rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakeworks.core.partition import Period
from lakeworks.errors import ContractError
from lakeworks.sources import FetchRequest, SourceConnection, open_source, parser_of
from lakeworks.sources.files import declared
from lakeworks.sources.response import SourceResponse
from lakeworks.sources.vendors import exchange_calendars
from tests.lakeworks.sources.vendor_lake import listed

DAY = Period.parse("2012-10-29")
OPTIONS = {"exchange": "XNYS", "first": "2012-01-01", "last": "2013-12-31"}


class Kept:
    """A landing in memory."""

    def __init__(self) -> None:
        self.answers: dict[str, SourceResponse] = {}

    def fetch_once(self, name: str, ask: Callable[[], SourceResponse], **facts: str) -> SourceResponse:
        self.answers[name] = ask()
        return self.answers[name]


def sessions(options: dict[str, str], dataset: str = "sessions") -> list[dict[str, Any]]:
    landing, wanted = Kept(), FetchRequest(dataset, DAY, options)
    facts = exchange_calendars.connect(SourceConnection()).collect(wanted, landing)
    assert facts["package"]
    (answer,) = landing.answers.values()
    assert answer.url.startswith("pkg:pypi/exchange-calendars@4.")
    return [dict(row) for row in listed(exchange_calendars.parse(wanted, answer))]


def test_storms_half_days_and_clocks_are_known() -> None:
    found = {row["session"]: row for row in sessions(OPTIONS)}
    assert len(found) == 250 + 252
    assert "2012-10-29" not in found, "Hurricane Sandy"
    assert "2012-10-30" not in found
    assert found["2012-11-23"] == {
        "exchange": "XNYS", "session": "2012-11-23", "open_utc": "2012-11-23 14:30:00", "close_utc": "2012-11-23 18:00:00",
        "utc_offset_minutes": "-300", "is_early_close": "true",
    }  # fmt: skip
    assert [found[day]["utc_offset_minutes"] for day in ("2013-03-08", "2013-03-11", "2013-11-01", "2013-11-04")] == [
        "-300", "-240", "-240", "-300",
    ]  # fmt: skip


def test_the_same_options_in_another_order_give_the_same_bytes() -> None:
    assert sessions(dict(reversed(OPTIONS.items()))) == sessions(OPTIONS)


@pytest.mark.parametrize(
    ("options", "dataset", "says"),
    [
        ({**OPTIONS, "exchange": "XXXX"}, "sessions", "cannot compute XXXX"),
        ({**OPTIONS, "last": "2011-01-01"}, "sessions", "cannot compute XNYS"),
        ({"exchange": "XNYS"}, "sessions", "`first`: Field required"),
        (OPTIONS, "holidays", "no data set `holidays`"),
    ],
)
def test_wrong_options_say_what_is_wrong(options: dict[str, str], dataset: str, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        sessions(options, dataset)


def test_declared_rows_are_read_from_the_tables_folder(tmp_path: Path) -> None:
    folder = tmp_path / "reference" / "test" / "colours"
    folder.mkdir(parents=True)
    (folder / "rows.csv").write_text("name,code\nred,\n")
    landing, wanted = Kept(), FetchRequest("colours", DAY)
    declared.Declared(tmp_path).collect(wanted, landing)
    assert landing.answers["rows.csv"].url == "tables/reference/test/colours/rows.csv"
    assert listed(declared.parse(wanted, landing.answers["rows.csv"])) == [{"name": "red", "code": None}]
    with pytest.raises(ContractError, match="found: none"):
        declared.Declared(tmp_path).collect(FetchRequest("shapes", DAY), landing)
    other = tmp_path / "reference" / "other" / "colours"
    other.mkdir(parents=True)
    (other / "rows.csv").write_text("name\n")
    with pytest.raises(ContractError, match="other/colours/rows.csv, reference/test/colours/rows.csv"):
        declared.Declared(tmp_path).collect(wanted, landing)


def test_both_are_known_sources() -> None:
    for name in ("declared", "exchange_calendars"):
        assert open_source(name)
        assert parser_of(name)
