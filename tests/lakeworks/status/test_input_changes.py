"""Whether a run would read anything that the last run of its period did not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.ledger.run_record import Input, RowBalance, Run, RunRecord
from lakeworks.status.input_changes import has_news
from tests.support.many_partitions import Many, entry, many

DIGEST, SALES = load_contract("gold.reports.daily_digest"), load_contract("gold.commerce.daily_sales")
MARCH = Period.parse("2019-03")
DAY = Partition.of_period(Period.parse("2019-03-04"))


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Many]:
    with many(tmp_path) as found:
        yield found


def built(found: Many, *publications: tuple[str, int], version: str = DIGEST.version) -> None:
    """The record of a run over March that read these."""
    inputs = [
        Input(name=SALES.name, partition=partition, seq=number, content="c") for partition, number in publications
    ]
    record = RunRecord(
        table=DIGEST.name, period="2019-03", run=Run(id="r", started_at=datetime(2026, 1, 1, tzinfo=UTC)), contract_version=version,
        schema_fingerprint="f", balance=RowBalance(read=0, staged=0), partitions=(), inputs=tuple(inputs),
    )  # fmt: skip
    found.lake.store.put(record.run_key, record.model_dump_json().encode())


def test_without_a_run_before_whatever_is_there_is_news(lake: Many) -> None:
    assert not has_news(lake.lake, DIGEST, MARCH), "the upstream ran and had no rows"
    lake.publish(SALES, [entry(SALES, DAY)])
    assert has_news(lake.lake, DIGEST, MARCH)
    assert not has_news(lake.lake, DIGEST, MARCH.next)


def test_only_a_new_publication_is_news(lake: Many) -> None:
    lake.publish(SALES, [entry(SALES, DAY)])
    built(lake, (DAY.path, 1))
    assert not has_news(lake.lake, DIGEST, MARCH)
    lake.publish(SALES, [entry(SALES, DAY, 1, seq=2, state="unchanged")])
    assert not has_news(lake.lake, DIGEST, MARCH), "confirmed"
    lake.publish(SALES, [entry(SALES, DAY, 3)])
    assert has_news(lake.lake, DIGEST, MARCH)


@pytest.mark.parametrize("kind", ["withdrawn", "another day", "another domain"])
def test_what_came_or_went_is_news(lake: Many, kind: str) -> None:
    lake.publish(SALES, [entry(SALES, DAY)])
    built(lake, (DAY.path, 1))
    market = load_contract("gold.market.market_daily_summary")
    if kind == "withdrawn":
        lake.publish(SALES, [entry(SALES, DAY, 2, kind="withdrawal", objects=())])
    elif kind == "another day":
        lake.publish(SALES, [entry(SALES, Partition.of_period(Period.parse("2019-03-05")))])
    else:
        lake.publish(market, [entry(market, DAY)])
    assert has_news(lake.lake, DIGEST, MARCH)


def test_another_contract_is_news(lake: Many) -> None:
    lake.publish(SALES, [entry(SALES, DAY)])
    built(lake, (DAY.path, 1), version="0.9.0")
    assert has_news(lake.lake, DIGEST, MARCH)


def test_what_expired_since_is_no_news(lake: Many) -> None:
    """A run would build the month again from what is left of it."""
    other = Partition.of_period(Period.parse("2019-03-05"))
    lake.publish(SALES, [entry(SALES, DAY), entry(SALES, other)])
    built(lake, (DAY.path, 1), (other.path, 1))
    lake.publish(SALES, [entry(SALES, DAY, 2, kind="expired", objects=(), based_on=1)])
    assert not has_news(lake.lake, DIGEST, MARCH)
    lake.publish(SALES, [entry(SALES, other, 2)])
    assert has_news(lake.lake, DIGEST, MARCH)
