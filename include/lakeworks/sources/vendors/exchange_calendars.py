"""Trading sessions of an exchange, computed by the exchange_calendars package and landed like a vendor's response.

https://github.com/gerrymanoim/exchange_calendars - holidays, half days and one-off closures are rules and lists in the package,
so its version is part of the response's address. It needs no network.
"""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, date, datetime
from importlib.metadata import version

from lakeworks.errors import ContractError
from lakeworks.formats.text.csv_file import read_text
from lakeworks.sources import FetchRequest, ResponseStore, Rows, SourceConnection
from lakeworks.sources.options import Options, no_data_set, read_options
from lakeworks.sources.response import SourceResponse


class SessionOptions(Options):
    """The exchange (ISO 10383 code) and a fixed range of days, so that every run computes the same table."""

    exchange: str
    first: date
    last: date


class ExchangeCalendars:
    """The data set `sessions`."""

    def collect(self, request: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        """See `RequestSource.collect`.

        Raises:
            ContractError: the package knows no such exchange or data set.
        """
        if request.dataset != "sessions":
            raise no_data_set("exchange_calendars", request.dataset, ("sessions",))
        options = read_options(SessionOptions, request)
        landing.fetch_once(f"{options.exchange}.csv", lambda: _compute(options), exchange=options.exchange)
        return {"package": version("exchange_calendars")}


def connect(access: SourceConnection) -> ExchangeCalendars:  # noqa: ARG001 - every source has it
    """Return the client. It needs no address and no key."""
    return ExchangeCalendars()


def parse(request: FetchRequest, answer: SourceResponse) -> Rows:  # noqa: ARG001 - every parser has it
    """Return a row per session, every value as text."""
    return read_text(io.StringIO(answer.text, newline=""))


def _compute(options: SessionOptions) -> SourceResponse:
    from exchange_calendars import get_calendar
    from exchange_calendars.errors import InvalidCalendarName

    try:
        calendar = get_calendar(options.exchange, start=str(options.first), end=str(options.last))
    except (InvalidCalendarName, ValueError) as error:
        raise ContractError(
            f"source_options of `sessions`: exchange_calendars cannot compute {options.exchange} from {options.first} to "
            f"{options.last} ({error}). Nothing was landed; correct the contract."
        ) from error
    early = set(calendar.early_closes)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["exchange", "session", "open_utc", "close_utc", "utc_offset_minutes", "is_early_close"])
    for session, opens, closes in calendar.schedule[["open", "close"]].itertuples():
        offset = int(opens.tz_convert(calendar.tz).utcoffset().total_seconds() // 60)
        stamps = [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (opens, closes)]
        writer.writerow([options.exchange, f"{session:%Y-%m-%d}", *stamps, offset, str(session in early).lower()])
    url = f"pkg:pypi/exchange-calendars@{version('exchange_calendars')}#{options.exchange}"
    return SourceResponse(text.getvalue().encode(), url, 200, {"content-type": "text/csv"}, datetime.now(UTC))
