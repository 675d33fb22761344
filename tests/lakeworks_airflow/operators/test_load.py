"""LoadOperator: files of the worker's disk into the run's period."""

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from lakeworks.lake import Lake
from lakeworks_airflow import LoadOperator, table_asset
from tests.lakeworks_airflow.operators.test_operators import context, deployed

__all__ = ["deployed"]
EVENTS, DAY = "bronze.commerce.events", "2017-01-05"
HEADER = "event_id,event_type,occurred_at,order_id,customer_id,location_id,channel,amount,currency\n"
GOOD = HEADER + "e1,order_placed,2017-01-05T10:00:00Z,1,2,3,pos,12.50,EUR\n"


def loading(folder: Path, **options: object) -> LoadOperator:
    return LoadOperator(task_id="load", table=EVENTS, grain="day", files=str(folder), **options)


def test_it_publishes_what_keeps_the_contract_and_announces_the_day(deployed: Lake, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.csv").write_text(GOOD)
    (files / "b.csv").write_text(GOOD.replace(",1,2,3,", ",x,2,3,"))
    with pytest.raises(AirflowFailException, match=r"`b\.csv`: line 2 `order_id` does not fit.*Nothing was loaded"):
        loading(files).execute(context(DAY))
    run = context(DAY)
    done = loading(files, keep_going=True).execute(run)
    assert (done["staged"], done["partitions"], done["files"]) == (1, {"published": 1}, {"loaded": 1, "failed": 1})
    assert list(run["outlet_events"][table_asset(EVENTS)].partition_keys) == [DAY]


def test_a_drop_only_fills_the_inbox(deployed: Lake, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    done = loading(tmp_path / "a.csv", drop=True).execute(context(DAY))
    assert done["files"] == {"loaded": 1}
    assert [item.key for item in deployed.store.scan("inbox/")] == [f"inbox/commerce_events/{DAY}/a.csv"]


def test_a_run_over_several_periods_is_refused(deployed: Lake, tmp_path: Path) -> None:
    with pytest.raises(AirflowFailException, match="owns 31 periods, from 2017-01-01, and files belong to one"):
        loading(tmp_path).execute(context("2017-01"))
