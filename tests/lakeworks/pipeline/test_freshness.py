"""How old what is published is, and who is told of it how often."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from exchange_calendars import get_calendar

from lakeworks.contract import Contract, load_contract
from lakeworks.errors import LakeUnavailable
from lakeworks.partition import Partition, Period
from lakeworks.pipeline.alerts import Alerts
from lakeworks.pipeline.freshness import Freshness, freshness
from lakeworks_demo.stack.process import free_port
from tests.many_partitions import Many, entry, many, prices


def daily(hours: float = 48) -> Contract:
    return prices(freshness={"max_age_hours": hours}, partition_by=["day(traded_on)"])


def monthly() -> Contract:
    return prices(freshness={"max_age_hours": 48}, partition_by=["month(traded_on)"])


def day(key: str) -> Partition:
    return Partition.of_period(Period.parse(key))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Many]:
    with many(tmp_path) as found:
        yield found


def look(found: Many, contract: Contract, now: str) -> Freshness:
    (one,) = freshness(found.lake, [contract], at(now))
    return one


def test_a_partition_is_overdue_once_its_hours_have_passed_since_it_began(lake: Many) -> None:
    contract = daily()
    lake.publish(contract, [entry(contract, day(key)) for key in ("2026-03-01", "2026-03-02")])
    fresh = look(lake, contract, "2026-03-05 00:00")
    assert (fresh.state, fresh.newest, fresh.due) == ("fresh", "2026-03-02", at("2026-03-05 00:00"))
    late = look(lake, contract, "2026-03-05 00:01")
    assert (late.state, late.overdue) == ("late", ("2026-03-03",))
    assert look(lake, contract, "2026-03-07 12:00").overdue == ("2026-03-03", "2026-03-04", "2026-03-05")
    assert late.as_dict(at("2026-03-05 00:01"))["age_hours"] == 48.0


def test_a_withdrawn_partition_does_not_make_a_table_fresh(lake: Many) -> None:
    contract, gone = daily(), {"kind": "withdrawal", "objects": ()}
    lake.publish(contract, [entry(contract, day("2026-03-01"))])
    lake.publish(contract, [entry(contract, day("2026-03-02"), **gone)])
    assert look(lake, contract, "2026-03-04 12:00").newest == "2026-03-01"


def test_months_and_what_was_never_published(lake: Many) -> None:
    assert look(lake, monthly(), "2026-03-04 12:00").state == "never published"
    lake.publish(monthly(), [entry(monthly(), day("2026-01"))])
    assert look(lake, monthly(), "2026-02-03 12:00").overdue == ("2026-02",)


def test_a_table_without_time_is_as_old_as_its_last_publication(lake: Many) -> None:
    whole = prices(freshness={"max_age_hours": 48}, partition_by=[])
    lake.publish(whole, [entry(whole, Partition(), published_at=at("2026-03-01 00:00"))])
    assert look(lake, whole, "2026-03-02 12:00").state == "fresh"
    assert look(lake, whole, "2026-03-03 12:00").state == "late"
    assert list(freshness(lake.lake, [prices()], at("2026-03-03 12:00"))) == [], "no promise, no lateness"


@pytest.mark.parametrize("table", ["bronze.market.equity_daily_bars", "gold.market.market_daily_summary"])
def test_weekends_and_holidays_of_the_exchange_are_not_late(table: str) -> None:
    """96 hours were too few for every weekend with a holiday: the next session is run at 06:00 of the day after it."""
    exchange = get_calendar("XNYS", start="2015-01-01", end="2026-10-30")
    sessions = [session.to_pydatetime().replace(tzinfo=UTC) for session in exchange.sessions]
    hours = load_contract(table).freshness
    assert hours
    for before, session in pairwise(sessions):
        due = before + timedelta(days=1, hours=hours.max_age_hours)
        assert session + timedelta(days=1, hours=6 + 12) <= due, f"{before:%Y-%m-%d}, with half a day to run it"


def test_a_months_table_is_not_late_before_its_month_is_over(lake: Many) -> None:
    """48 hours after the month before was too early by a month."""
    contract = load_contract("gold.commerce.customer_360_monthly")
    lake.publish(contract, [entry(contract, day("2026-01"))])
    assert look(lake, contract, "2026-03-01 00:30").state == "fresh"
    assert look(lake, contract, "2026-03-08 00:30").overdue == ("2026-02",)


class Webhook:
    """A server that keeps what it is told, or refuses it."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if hook.status == 200:
                    hook.told.append(body)
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-path"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


def test_a_late_table_is_told_of_once_and_again_for_its_next_partition(lake: Many, webhook: Webhook) -> None:
    contract, alerts = daily(), Alerts(lake.lake, webhook.url)
    lake.publish(contract, [entry(contract, day("2026-03-01"))])

    def tell(now: str) -> list[str]:
        return [alert["overdue"] for alert in alerts.tell_late(freshness(lake.lake, [contract], at(now)), at(now))]

    assert tell("2026-03-03 12:00") == []
    assert tell("2026-03-04 12:00") == ["2026-03-02"]
    assert tell("2026-03-04 13:00") == []
    assert tell("2026-03-06 12:00") == [], "still waits for the same one"
    lake.publish(contract, [entry(contract, day("2026-03-02"))])
    assert tell("2026-03-06 12:00") == ["2026-03-03 and 1 more"]
    assert webhook.told[0]["text"] == "silver.market.prices is late: newest 2026-03-01, overdue 2026-03-02"


@pytest.mark.parametrize("how", ["refuses", "is not there"])
def test_a_webhook_that_fails_is_tried_again_and_its_address_stays_secret(
    lake: Many, webhook: Webhook, how: str
) -> None:
    contract, now = daily(), at("2026-03-04 12:00")
    lake.publish(contract, [entry(contract, day("2026-03-01"))])
    webhook.status = 500
    url = webhook.url if how == "refuses" else f"http://127.0.0.1:{free_port()}/secret-path"
    with pytest.raises(LakeUnavailable, match="did not take 1 of 1 alerts: silver.market.prices") as error:
        Alerts(lake.lake, url).tell_late(freshness(lake.lake, [contract], now), now)
    assert "secret-path" not in str(error.value)
    webhook.status = 200
    assert len(Alerts(lake.lake, webhook.url).tell_late(freshness(lake.lake, [contract], now), now)) == 1


def test_two_who_look_at_one_moment_tell_once(lake: Many, webhook: Webhook) -> None:
    contract, now = daily(), at("2026-03-04 12:00")
    lake.publish(contract, [entry(contract, day("2026-03-01"))])
    found = list(freshness(lake.lake, [contract], now))
    threads = [threading.Thread(target=Alerts(lake.lake, webhook.url).tell_late, args=(found, now)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(webhook.told) == 1
