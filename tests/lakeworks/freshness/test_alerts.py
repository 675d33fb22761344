"""Who is notified of what is late, how often, and what becomes of an alert that fails."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from lakeworks.errors import LakeUnavailable, LedgerCorrupt
from lakeworks.freshness.alerts import Alerts
from lakeworks.freshness.table_age import freshness
from lakeworks_local.stack.process import free_port
from tests.lakeworks.freshness.test_table_age import at, by_symbol, daily, day, of
from tests.support.many_partitions import Many, entry, many


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Many]:
    with many(tmp_path) as found:
        yield found


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


def test_a_late_table_is_alerted_once_and_again_for_its_next_partition(lake: Many, webhook: Webhook) -> None:
    contract, alerts = daily(), Alerts(lake.lake, webhook.url)
    lake.publish(contract, [entry(contract, day("2026-03-01"))])

    def tell(now: str) -> list[str]:
        return [alert["overdue"] for alert in alerts.send_late(freshness(lake.lake, [contract], at(now)), at(now))]

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
        Alerts(lake.lake, url).send_late(freshness(lake.lake, [contract], now), now)
    assert "secret-path" not in str(error.value)
    webhook.status = 200
    assert len(Alerts(lake.lake, webhook.url).send_late(freshness(lake.lake, [contract], now), now)) == 1


def test_two_who_look_at_one_moment_tell_once(lake: Many, webhook: Webhook) -> None:
    contract, now = daily(), at("2026-03-04 12:00")
    lake.publish(contract, [entry(contract, day("2026-03-01"))])
    found = list(freshness(lake.lake, [contract], now))
    threads = [threading.Thread(target=Alerts(lake.lake, webhook.url).send_late, args=(found, now)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(webhook.told) == 1


def test_an_alert_sent_to_the_log_alone_is_sent_to_a_webhook_that_is_set_later(
    lake: Many, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    """The marker did not say where: anyone who set LAKE_ALERT_URL never heard of what was late already."""
    contract, now = daily(), at("2026-03-04 12:00")
    lake.publish(contract, [entry(contract, day("2026-03-01"))])
    found = list(freshness(lake.lake, [contract], now))
    assert len(Alerts(lake.lake).send_late(found, now)) == 1
    assert Alerts(lake.lake).send_late(found, now) == []
    assert len(Alerts(lake.lake, webhook.url).send_late(found, now)) == 1
    assert Alerts(lake.lake, webhook.url).send_late(found, now) == []
    assert [alert["overdue"] for alert in webhook.told] == ["2026-03-02"]
    assert caplog.text.count("is late: newest 2026-03-01") == 1, "the log is not told twice"


def test_gaps_and_symbols_are_alerted_once_each(lake: Many, webhook: Webhook) -> None:
    contract, alerts = by_symbol(), Alerts(lake.lake, webhook.url)

    def tell(now: str) -> list[str]:
        alerts.send_late(freshness(lake.lake, [contract], at(now)), at(now))
        texts = [alert["text"].partition(", ")[2] for alert in webhook.told]
        webhook.told.clear()
        return texts

    there = of("AAPL", "2026-03-01", "2026-03-02", "2026-03-04", "2026-03-05") + of("MSFT", "2026-03-01", "2026-03-02")
    lake.publish(contract, [entry(contract, partition) for partition in there])
    assert tell("2026-03-06 12:00") == ["missing 2026-03-03, stopped symbol=MSFT since 2026-03-04"]
    assert tell("2026-03-06 13:00") == []
    assert tell("2026-03-08 12:00") == ["overdue 2026-03-06"], "what was told already is not in it"
    lake.publish(contract, [entry(contract, partition) for partition in of("AAPL", "2026-03-07", "2026-03-08")])
    assert tell("2026-03-09 12:00") == ["missing 2026-03-06"]


class Killed(BaseException):
    """What nothing catches, as nothing catches SIGKILL."""


class Dying(requests.Session):
    """The worker ends while it posts."""

    def post(self, *_: Any, **__: Any) -> requests.Response:
        raise Killed


def test_an_alert_whose_sender_was_killed_is_sent_by_a_later_look(lake: Many, webhook: Webhook) -> None:
    """The marker was written first: what was killed before its request was told to no one, ever."""
    contract, now = daily(), at("2026-03-04 12:00")
    lake.publish(contract, [entry(contract, day("2026-03-01"))])
    found = list(freshness(lake.lake, [contract], now))
    with pytest.raises(Killed):
        Alerts(lake.lake, webhook.url, Dying()).send_late(found, now)
    alive = Alerts(lake.lake, webhook.url)
    assert alive.send_late(found, now + timedelta(minutes=4)) == [], "it may still be at it"
    assert len(alive.send_late(found, now + timedelta(minutes=5))) == 1
    assert alive.send_late(found, now + timedelta(minutes=40)) == []
    assert len(webhook.told) == 1


def test_a_memory_that_is_none_of_ours_is_named(lake: Many) -> None:
    contract, now = daily(), at("2026-03-04 12:00")
    lake.publish(contract, [entry(contract, day("2026-03-01"))])
    lake.lake.store.put("metadata/alerts/freshness/silver/market/prices.json", b"garbage")
    with pytest.raises(LedgerCorrupt, match="Delete the object; alerts are then sent once more"):
        Alerts(lake.lake).send_late(freshness(lake.lake, [contract], now), now)
