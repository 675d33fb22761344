"""Builds on another engine give the bytes of a build here; whatever goes wrong there changes nothing that is live."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lakeworks.contract import load_contract
from lakeworks.engines.remote.local_spark import LocalSpark
from lakeworks.errors import ContractError, EngineFailed, StaleBuild
from lakeworks.ledger.build_plan import BuildEnd, BuildPlan
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.write_step import start, write
from tests.lakeworks.pipeline.test_late_data import BRONZE, SILVER, Shop, day_of, order
from tests.support import order_engine

NAMED = load_contract(SILVER).table


def engine(scratch: Path, fault: str = "", kind: type[LocalSpark] = LocalSpark) -> LocalSpark:
    command = [sys.executable, str(order_engine.__file__), *filter(None, [fault])]
    return kind(scratch / "spark", command=command, environment=lambda: dict(os.environ))


def spark_shop(scratch: Path, spark: LocalSpark, **changes: Any) -> Shop:
    shop = Shop(scratch, engine="spark", **changes)
    shop.lake = replace(shop.lake, engines={"spark": spark}.get)
    return shop


def live(shop: Shop) -> dict[str, list[str]]:
    entries = shop.lake.ledger.live_partitions(NAMED)
    return {part.path: [item.sha256 for item in entry.objects] for part, entry in entries.items()}


def staged(shop: Shop) -> list[str]:
    return [item.key.rpartition("/")[2] for item in shop.lake.store.scan("_staging/silver/")]


ROWS = [order(0), order(0, id=7), order(1), order(2, id=9), {**order(0), "id": 7}, {**order(1), "id": None}]


def test_rules_grain_masking_and_bytes_are_those_of_a_build_here(tmp_path: Path) -> None:
    here, there = Shop(tmp_path / "here"), spark_shop(tmp_path / "there", engine(tmp_path))
    for shop in (here, there):
        shop.arrive(1, ROWS)
    mine, theirs = (write(shop.lake, SILVER, day_of(1), shop.run()) for shop in (here, there))
    assert theirs.balance == mine.balance
    assert mine.balance.quarantined
    assert mine.balance.deduplicated
    assert [item.content for item in theirs.partitions] == [item.content for item in mine.partitions]
    assert theirs.inputs == mine.inputs
    assert theirs.engine == f"{mine.engine}, spark 0 (stand-in)"
    assert not [key for key in staged(there) if "snappy" in key], "personal data in clear is gone once rows are staged"


def test_the_same_rows_built_again_are_unchanged(tmp_path: Path) -> None:
    shop = spark_shop(tmp_path, engine(tmp_path))
    shop.arrive(1, ROWS)
    first = shop.build(SILVER, 1)
    assert shop.build(SILVER, 1).outcome == {"unchanged": len(first.partitions)}
    assert staged(shop) == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("die", r"Spark job failed: it was killed by signal 9.*Nothing was published.*next attempt removes them"),
        ("twice", r"has 3 files, and the spark build .* says that it wrote 2.*fresh folder"),
        ("lose", r"have [0-9]+ rows, and it counted [0-9]+.*Nothing was published"),
        (
            "cut",
            r"part-00001-.*parquet` of the spark build .* is no whole Parquet file.*Nothing was published.*retries",
        ),
    ],
)
def test_a_job_that_dies_or_miscounts_changes_nothing(tmp_path: Path, fault: str, says: str) -> None:
    shop = spark_shop(tmp_path, engine(tmp_path))
    shop.arrive(1, [order(0), order(0, id=7)])
    shop.build(SILVER, 1)
    before = live(shop)
    shop.arrive(1, ROWS[2:])
    well, shop.lake = shop.lake, replace(shop.lake, engines={"spark": engine(tmp_path, fault)}.get)
    run = shop.run()
    with pytest.raises(EngineFailed, match=says):
        write(shop.lake, SILVER, day_of(1), run)
    assert live(shop) == before
    left = staged(shop)
    assert "plan.json" in left
    assert "manifest.json" not in left
    shop.lake = well
    shop.publish(write(shop.lake, SILVER, day_of(1), run.model_copy(update={"attempt": 2})))
    assert staged(shop) == [], "the next attempt removes what the dead one left"
    assert live(shop) != before


def test_sql_that_spark_refuses_is_not_tried_again(tmp_path: Path) -> None:
    shop = spark_shop(tmp_path, engine(tmp_path, "refuse"))
    shop.arrive(1, ROWS)
    with pytest.raises(
        ContractError, match=r"Spark cannot run the transform: AnalysisException: no such column.*table test"
    ):
        shop.build(SILVER, 1)


class Interrupted(LocalSpark):
    """An engine in whose build something happens elsewhere."""

    happens: Callable[[], object] = staticmethod(lambda: None)

    def ended(self, build: str, plan: BuildPlan, store: Any) -> BuildEnd | None:
        end = super().ended(build, plan, store)
        if end:
            self.happens()
        return end


def test_an_input_published_during_the_build_is_never_mixed(tmp_path: Path) -> None:
    spark = engine(tmp_path, kind=Interrupted)
    shop = spark_shop(tmp_path, spark)
    shop.arrive(1, [order(0), order(1)])
    shop.build(SILVER, 1)
    before = live(shop)
    spark.happens = lambda: shop.arrive(1, [order(2)])  # type: ignore[attr-defined]
    with pytest.raises(StaleBuild, match=rf"`{BRONZE}` 2017-01-02 was published while spark read it.*Airflow retries"):
        shop.build(SILVER, 1)
    assert live(shop) == before
    spark.happens = lambda: None  # type: ignore[attr-defined]
    shop.build(SILVER, 1)
    assert len(live(shop)) == 3


def test_an_interrupted_wait_kills_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spark = engine(tmp_path, "hang", Interrupted)
    shop = spark_shop(tmp_path, spark)
    shop.arrive(1, ROWS)
    processes = []

    def interrupt(build: str, plan: BuildPlan, store: Any) -> BuildEnd | None:
        processes.append(spark._jobs[build].process)
        raise KeyboardInterrupt

    monkeypatch.setattr(spark, "ended", interrupt)
    with pytest.raises(KeyboardInterrupt):
        shop.build(SILVER, 1)
    assert processes[0].poll() == -9
    assert list((tmp_path / "spark").glob("task-*")) == []


class Detached(LocalSpark):
    """An engine whose builds go on without the task that started them, as on AWS."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.detached = True
        self.stopped: list[str] = []

    def stop(self, build: str) -> None:
        self.stopped.append(build)
        super().stop(build)


def test_a_started_build_is_completed_by_a_later_task(tmp_path: Path) -> None:
    spark = engine(tmp_path, kind=Detached)
    shop = spark_shop(tmp_path, spark)
    shop.arrive(1, ROWS)
    run = shop.run()
    build = start(shop.lake, SILVER, day_of(1), run)
    assert build == run.key
    manifest = write(shop.lake, SILVER, day_of(1), run)
    assert (audit(shop.lake, manifest.key).audit or {})["passed"]


def test_a_started_build_whose_inputs_changed_is_not_completed(tmp_path: Path) -> None:
    spark = engine(tmp_path, kind=Detached)
    shop = spark_shop(tmp_path, spark)
    shop.arrive(1, [order(0)])
    run = shop.run()
    start(shop.lake, SILVER, day_of(1), run)
    shop.arrive(1, [order(1)])
    assert start(shop.lake, SILVER, day_of(1), run) == run.key, "a repeated start hides no change"
    with pytest.raises(StaleBuild, match="was published while spark read it"):
        write(shop.lake, SILVER, day_of(1), run)
    again = Run(id=run.id, started_at=run.started_at + timedelta(seconds=1), attempt=2)
    assert start(shop.lake, SILVER, day_of(1), again)
    assert run.key in spark.stopped, "the build of the dead attempt is stopped before another is paid"
    assert write(shop.lake, SILVER, day_of(1), again).balance.staged == 2


def test_without_another_engine_the_table_is_built_here(tmp_path: Path) -> None:
    shop = Shop(tmp_path, engine="spark")
    shop.arrive(1, ROWS)
    assert start(shop.lake, SILVER, day_of(1), shop.run()) is None
    assert "spark" not in write(shop.lake, SILVER, day_of(1), shop.run()).engine
