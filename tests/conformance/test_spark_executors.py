"""A Spark cluster that loses executors in the middle of a task: Spark's own retry gives the right rows, or one clear error.

The cluster is Spark's own: a master, two workers and two executors, each a process of this machine. An executor is killed with
SIGKILL once its log says that it has a task. Run by `make conformance`.
"""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lakeworks.core.layout import SPARK_JOB
from lakeworks.engines.remote.detached_spark import DetachedSpark
from lakeworks.engines.remote.emr_serverless import EmrServerless
from lakeworks.engines.remote.local_spark import spark_environment
from lakeworks.engines.spark import find_spark, spark_home
from lakeworks.errors import ConfigError, EngineFailed
from lakeworks.pipeline.write_step import write
from lakeworks.s3.object_store import SHA256
from lakeworks.transform.spark_job_file import job_digest, job_text
from tests.conftest import client
from tests.lakeworks.pipeline.test_late_data import SILVER, Shop, day_of, order
from tests.lakeworks.pipeline.test_remote_build import ROWS, live, spark_shop, staged
from tests.support.spark_machine import SparkMachine
from tests.support.spark_services import EmrService, serving

CLUSTER = (
    "--master local-cluster[{workers},1,512] --driver-memory 1g --conf spark.executor.memory=512m --conf spark.ui.enabled=false "
    "--conf spark.sql.shuffle.partitions=2 --conf spark.deploy.maxExecutorRetries={retries} pyspark-shell"
)


def executors() -> Iterator[tuple[int, Path]]:
    """Process and work folder of each executor below this process."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    for number in parents:
        above = number
        while above not in (0, os.getpid()):
            above = parents.get(above, 0)
        with suppress(OSError):
            if above and b"CoarseGrainedExecutorBackend" in Path(f"/proc/{number}/cmdline").read_bytes():
                yield number, Path(f"/proc/{number}/cwd").readlink()


@dataclass
class Losses:
    """Kills up to `most` executors, each as soon as it has a task."""

    most: int
    killed: set[Path] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Losses":
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            for number, folder in executors():
                log = folder / "stderr"
                has_task = log.is_file() and "Got assigned task" in log.read_text(errors="replace")
                if has_task and folder not in self.killed and len(self.killed) < self.most:
                    with suppress(ProcessLookupError):
                        os.kill(number, signal.SIGKILL)
                        self.killed.add(folder)


@pytest.fixture
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop whose silver orders a Spark cluster builds, behind the protocol of EMR Serverless."""
    try:
        find_spark()
    except ConfigError as error:
        pytest.skip(f"{error} `make conformance` installs it.")
    machine = SparkMachine(None, tmp_path, (), lambda: {**spark_environment(), "PYSPARK_SUBMIT_ARGS": request.param})
    with serving(EmrService(machine)) as url:
        aws = client("emr-serverless", url)
        aws.create_application(name="lake", releaseLabel="emr-7.9.0", type="SPARK", clientToken="t")
        role, file = "arn:aws:iam::123456789012:role/spark", f"s3://lake/{SPARK_JOB}"
        shop = spark_shop(tmp_path, DetachedSpark(EmrServerless(aws, "lake", role, file)))  # type: ignore[arg-type]
        machine.s3 = shop.lake.store.client
        machine.s3.put_object(Bucket="lake", Key=SPARK_JOB, Body=job_text(), Metadata={SHA256: job_digest()})
        work = Path(spark_home()) / "work"
        before = {*work.glob("app-*")}
        yield shop
        for folder in {*work.glob("app-*")} - before:
            shutil.rmtree(folder, ignore_errors=True)


def built_here(scratch: Path) -> list[str]:
    """The content that a build here gives."""
    shop = Shop(scratch / "here")
    shop.arrive(1, ROWS)
    return [item.content for item in write(shop.lake, SILVER, day_of(1), shop.run()).partitions]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("shop", [CLUSTER.format(workers=2, retries=10)], indirect=True, ids=["two executors"])
def test_a_lost_executor_is_replaced_and_the_rows_are_right(shop: Shop, tmp_path: Path) -> None:
    shop.arrive(1, ROWS)
    with Losses(1) as losses:
        made = write(shop.lake, SILVER, day_of(1), shop.run())
    assert len(losses.killed) == 1
    assert "spark 3" in made.engine
    assert [item.content for item in made.partitions] == built_here(tmp_path)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("shop", [CLUSTER.format(workers=1, retries=1)], indirect=True, ids=["one executor"])
def test_a_cluster_that_loses_its_last_executor_for_good_is_one_error_and_the_next_attempt_cleans_up(
    shop: Shop, tmp_path: Path
) -> None:
    shop.arrive(1, [order(0), order(0, id=7)])
    shop.lake, spark = replace(shop.lake, engines={}.get), shop.lake
    shop.build(SILVER, 1)
    before, shop.lake = live(shop), spark
    shop.arrive(1, ROWS[2:])
    run = shop.run()
    with (
        Losses(1) as losses,
        pytest.raises(
            EngineFailed, match=r"the Spark job failed: \S*SparkException: .*Nothing was published.*Airflow retries"
        ),
    ):
        write(shop.lake, SILVER, day_of(1), run)
    assert losses.killed
    assert live(shop) == before
    assert "plan.json" in staged(shop)
    assert "manifest.json" not in staged(shop)
    shop.publish(write(shop.lake, SILVER, day_of(1), run.model_copy(update={"attempt": 2})))
    assert staged(shop) == [], "the next attempt removes what the dead one left"
    assert live(shop) != before
