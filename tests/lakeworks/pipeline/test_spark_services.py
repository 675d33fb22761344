"""EMR Serverless, Glue and Kubernetes build a table: rows of a build here, one job paid, and every end with its own error."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lakeworks.core.layout import SPARK_JOB
from lakeworks.engines.remote.detached_spark import DetachedSpark
from lakeworks.engines.remote.emr_serverless import EmrServerless
from lakeworks.engines.remote.glue_job import GlueJobRuns
from lakeworks.engines.remote.job_service import JobName, JobService
from lakeworks.engines.remote.kubernetes_api import KubernetesApi
from lakeworks.engines.remote.kubernetes_spark import KubernetesSpark
from lakeworks.errors import (
    BuildTimedOut,
    ConfigError,
    ContractError,
    EngineFailed,
    LakeUnavailable,
    RequestRefused,
    StaleBuild,
)
from lakeworks.ledger.build_plan import BuildPlan
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.write_step import start, write
from lakeworks.s3.object_store import SHA256
from lakeworks.transform.spark_job_file import job_digest, job_text
from tests.conftest import client
from tests.lakeworks.pipeline.test_late_data import SILVER, Shop, day_of, order
from tests.lakeworks.pipeline.test_remote_build import ROWS, live, spark_shop, staged
from tests.support.spark_machine import SparkMachine
from tests.support.spark_services import EmrService, GlueJobService, OperatorService, SparkService, serving

ROLE = "arn:aws:iam::123456789012:role/spark"
FILE = f"s3://lake/{SPARK_JOB}"
Given = tuple[SparkService, JobService]


def emr(machine: SparkMachine, url: Callable[[Any], str]) -> Given:
    service = EmrService(machine)
    aws = client("emr-serverless", url(service))
    aws.create_application(name="lake", releaseLabel="emr-7.9.0", type="SPARK", clientToken="t")
    return service, EmrServerless(aws, "lake", ROLE, FILE, spark_conf={"spark.executor.memory": "4g"})


def glue(machine: SparkMachine, url: Callable[[Any], str]) -> Given:
    service = GlueJobService(machine)
    aws = client("glue", url(service))
    command = {"Name": "glueetl", "ScriptLocation": FILE, "PythonVersion": "3"}
    aws.create_job(Name="lake", Role=ROLE, Command=command, ExecutionProperty={"MaxConcurrentRuns": 2})
    return service, GlueJobRuns(aws, "lake")


def kubernetes(machine: SparkMachine, url: Callable[[Any], str]) -> Given:
    service = OperatorService(machine)
    return service, KubernetesSpark(
        KubernetesApi(url(service)), "spark", "spark:3.5.3", "spark", FILE.replace("s3", "s3a", 1)
    )


@dataclass
class Place:
    """A shop whose silver orders a service builds."""

    shop: Shop
    service: SparkService
    asked: JobService

    @property
    def machine(self) -> SparkMachine:
        return self.service.machine

    def built(self, run: Run) -> Any:
        return write(self.shop.lake, SILVER, day_of(1), run)

    def started(self, run: Run) -> str:
        build = start(self.shop.lake, SILVER, day_of(1), run)
        assert build
        return build


@pytest.fixture(params=[emr, glue, kubernetes])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    opened = []

    def url(service: Any) -> str:
        opened.append(serving(service))
        return opened[-1].__enter__()

    monkeypatch.setattr("lakeworks.pipeline.remote_build._SHORTEST_PAUSE", 0.001)
    shop = Shop(tmp_path)
    service, asked = request.param(SparkMachine(shop.lake.store.client, tmp_path), url)
    built = spark_shop(tmp_path, DetachedSpark(asked))  # type: ignore[arg-type]
    service.machine.s3 = built.lake.store.client
    upload(built)
    yield Place(built, service, asked)
    for one in opened:
        one.__exit__(None, None, None)


def upload(shop: Shop, text: bytes = job_text(), digest: str = job_digest()) -> None:
    shop.lake.store.client.put_object(Bucket="lake", Key=SPARK_JOB, Body=text, Metadata={SHA256: digest})


def test_rows_rules_and_bytes_are_those_of_a_build_here(place: Place, tmp_path: Path) -> None:
    here = Shop(tmp_path / "here")
    for shop in (here, place.shop):
        shop.arrive(1, ROWS)
    mine, theirs = write(here.lake, SILVER, day_of(1), here.run()), place.built(place.shop.run())
    assert theirs.balance == mine.balance
    assert mine.balance.quarantined
    assert [item.content for item in theirs.partitions] == [item.content for item in mine.partitions]
    assert theirs.engine.endswith("spark 0 (stand-in)")
    assert len(place.machine.ran) == 1
    assert not [key for key in staged(place.shop) if "snappy" in key]
    place.shop.publish(theirs)
    assert staged(place.shop) == []


def test_a_retry_of_the_start_finds_its_own_job(place: Place) -> None:
    place.shop.arrive(1, ROWS)
    run = place.shop.run()
    build = place.started(run)
    store = place.shop.lake.store
    store.delete(
        [item.key for item in store.scan("_staging/") if item.key.endswith("build.txt")]
    )  # the worker died before
    assert place.started(run) == build
    assert place.built(run).balance.staged
    assert len(place.machine.ran) == 1


def test_a_later_attempt_cancels_the_job_of_a_dead_one(place: Place) -> None:
    place.shop.arrive(1, ROWS)
    run = place.shop.run()
    dead = place.started(run)
    store = place.shop.lake.store
    store.delete([item.key for item in store.scan("_staging/") if item.key.endswith("build.txt")])
    place.built(run.model_copy(update={"attempt": 2}))
    assert dead not in place.service.jobs or place.service.jobs[dead].state in ("CANCELLED", "STOPPED")
    assert len(place.machine.ran) == 1, "only one of the two was run and paid"


def test_a_killed_task_cancels_its_job_and_twice_is_no_error(place: Place) -> None:
    place.shop.arrive(1, ROWS)
    place.machine.is_held = True
    engine = place.shop.lake.engines("spark")
    assert engine
    build = place.started(place.shop.run())
    engine.stop(build)
    end = place.asked.end_of(build)
    assert end
    assert not end.succeeded
    place.asked.cancel(build)
    assert place.machine.ran == []


def test_a_cancelled_job_is_tried_again_by_airflow(place: Place) -> None:
    place.shop.arrive(1, ROWS)
    run = place.shop.run()
    place.asked.cancel(place.started(run))
    with pytest.raises(EngineFailed, match=r"Spark job failed: .*Nothing was published.*Airflow retries"):
        place.built(run)
    assert live(place.shop) == {}
    place.shop.publish(place.built(run.model_copy(update={"attempt": 2})))
    assert live(place.shop)


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ("die", EngineFailed, r"the Spark job failed: Job failed with exit code -9 \(job .*Nothing was published"),
        ("refuse", ContractError, r"Spark cannot run the transform: AnalysisException: no such column"),
        ("twice", EngineFailed, None),
    ],
)
def test_the_jobs_own_words_go_before_the_services(
    place: Place, fault: str, error: type[Exception], says: str | None
) -> None:
    place.shop.arrive(1, ROWS)
    place.machine.fault = fault
    with pytest.raises(error, match=says or r"has 3 files, and the spark build .* says that it wrote 2"):
        place.built(place.shop.run())
    assert live(place.shop) == {}


def test_an_input_published_meanwhile_is_never_mixed(place: Place) -> None:
    place.shop.arrive(1, [order(0)])
    run = place.shop.run()
    place.started(run)
    place.shop.arrive(1, [order(1)])
    with pytest.raises(StaleBuild, match="was published while spark read it"):
        place.built(run)


def test_a_throttled_look_ends_no_build(place: Place) -> None:
    place.shop.arrive(1, ROWS)
    run = place.shop.run()
    place.started(run)
    for operation in ("GET jobruns", "GetJobRun", "GET"):
        place.service.throttled[operation] = 3  # more than the client's own two tries
    assert place.built(run).balance.staged
    assert len(place.machine.ran) == 1


def test_a_lost_answer_of_the_start_pays_no_second_result(place: Place) -> None:
    place.shop.arrive(1, ROWS)
    run = place.shop.run()
    for operation in ("POST jobruns", "StartJobRun", "POST"):
        place.service.lost[operation] = 2
    with pytest.raises(LakeUnavailable):
        place.started(run)
    assert place.built(run).balance.staged
    assert len(place.machine.ran) == 1, "a second run of Glue, which has no token, is stopped before it runs"


@pytest.mark.parametrize(("text", "says"), [(b"", "is of another release"), (None, "is not there")])
def test_without_the_job_file_of_this_release_nothing_is_started(place: Place, text: bytes | None, says: str) -> None:
    place.shop.arrive(1, ROWS)
    if text is None:
        place.shop.lake.store.client.objects.pop(SPARK_JOB)  # type: ignore[attr-defined]
    else:
        upload(place.shop, text, "0" * 64)
    with pytest.raises(ConfigError, match=rf"spark_job.py`, the file that Spark runs, {says}.*lakeworks bootstrap"):
        place.started(place.shop.run())
    assert place.service.jobs == {}


def missing(asked: JobService) -> JobService:
    """The same service of a place that does not exist."""
    if isinstance(asked, EmrServerless):
        return replace(asked, application="nowhere")
    return replace(asked, job="nowhere") if isinstance(asked, GlueJobRuns) else replace(asked, namespace="nowhere")  # type: ignore[type-var]


def test_a_service_that_bootstrap_has_not_made_says_what_to_do(place: Place) -> None:
    place.shop.arrive(1, ROWS)
    place.shop.lake = replace(place.shop.lake, engines={"spark": DetachedSpark(missing(place.asked))}.get)
    with pytest.raises(ConfigError, match=r"No job was started.*(lakeworks bootstrap|Install the Spark operator)"):
        place.started(place.shop.run())


def test_a_time_limit_is_no_reason_to_try_again(tmp_path: Path) -> None:
    class Late(GlueJobService):
        def look(self, job: Any) -> None:
            job.state, job.reason = "TIMEOUT", ""

    shop = Shop(tmp_path)
    with serving(late := Late(SparkMachine(None, tmp_path))) as url:
        aws = client("glue", url)
        aws.create_job(Name="lake", Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": FILE})
        shop = spark_shop(tmp_path, DetachedSpark(GlueJobRuns(aws, "lake")))  # type: ignore[arg-type]
        upload(shop)
        shop.arrive(1, ROWS)
        with pytest.raises(BuildTimedOut, match=r"ended by its time limit: TIMEOUT.*`spark.timeout_minutes`"):
            shop.build(SILVER, 1)
    assert late.calls["StartJobRun"] == 1


def test_names_are_short_and_their_own() -> None:
    plan = BuildPlan.model_construct(
        table=SILVER,
        period="2017-01-02",
        run=Run(id="manual__2026-01-01T00:00:00+00:00", started_at="2026-01-01", attempt=3),
    )
    name = JobName.of(plan)
    assert name.attempt == 3
    assert len(str(name)) <= 63
    assert JobName.parse(str(name)) == name
    assert JobName.parse("lakeworks-of-others") is None
    assert JobName.of(plan.model_copy(update={"run": plan.run.model_copy(update={"attempt": 4})})).build == name.build


def test_a_manifest_that_kubernetes_refuses_is_not_tried_again(tmp_path: Path) -> None:
    with serving(OperatorService(SparkMachine(None, tmp_path))) as url:
        asked = KubernetesSpark(KubernetesApi(url), "spark", "i", "spark", "")
        object.__setattr__(asked, "manifest", lambda *_: {"metadata": {"name": "X"}, "spec": {}})
        with pytest.raises(RequestRefused, match=r"SparkApplication X is invalid.*spark.kubernetes"):
            asked.submit(JobName("a" * 32, 1), "s3a://lake/order.json")


def test_a_pod_uses_its_service_account(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"runs in no Kubernetes cluster.*kubectl proxy"):
        KubernetesApi.of(None, {}, tmp_path)
    (tmp_path / "token").write_text("first\n")
    api = KubernetesApi.of(None, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path)
    assert (api.url, api.authority) == ("https://10.0.0.1:443", str(tmp_path / "ca.crt"))
    (tmp_path / "token").write_text("renewed\n")
    assert api.token
    assert api.token() == "renewed"
