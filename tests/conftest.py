"""Real servers for tests: three independent S3 implementations, Glue, and the source replay; all on loopback, all stopped."""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import Contract
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.s3.object_store import ObjectStore
from lakeworks_local.replay import start_replay
from lakeworks_local.stack.environment import ministack_environment
from lakeworks_local.stack.parent import dying_with_parent
from lakeworks_local.stack.process import free_port
from tests.support import aws_model

BIN = Path(sys.executable).parent
# What a test asks for, or where it lies, says whether it talks to servers: `make test-unit` leaves those out.
SERVERS = {"moto_url", "ministack_url", "seaweed_url", "replay_server", "any_store", "any_s3"}
ON_SERVERS = (
    "agents/test_query", "athena/test_executions", "athena/test_history", "backfill/", "catalog/", "lakeworks/changes/", "chaos/", "cost/test_bill_source", "cost/test_cost_explorer", "domains/", "exports/test_table_export",
    "faults/", "formats/test_memory", "lakeworks/dev/", "freshness/", "infrastructure/test_bucket_deletion", "infrastructure/lake_formation/", "infrastructure/test_bucket_policy_enforced", "landing/",
    "lakeworks/doctor/", "operators/test_crawl_policy", "permissions/test_athena_enforced",
    "permissions/test_policy_enforced", "permissions/test_streams_enforced", "permissions/test_tenants_enforced", "lakeworks/pipeline/", "lakeworks/test_airflow_api", "lakeworks_airflow/test_provider",
    "lakeworks_airflow/test_wiring", "lakeworks_local/test_process",
    "lakeworks_local/test_stack", "lineage/", "maintenance/", "protocol/", "publications/", "quality/",
    "quarantine/", "s3/test_layer_buckets", "simulation/", "sources/http/test_limits", "status/", "tenants/", "lakeworks/test_aws_call_sites", "test_imports", "test_mutants",
)  # fmt: skip


# A developer's own lake, credentials and proxy reach no test; these two choose what a test does.
for name in [name for name in os.environ if name.startswith(("AWS_", "LAKE_"))]:
    if name not in ("LAKE_LONG", "LAKE_SPARK"):
        del os.environ[name]
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # `make test` runs the tests; a make that a test runs is not below it
    os.environ.pop(name, None)
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"  # the emulators' own; a lake without a region is refused
# Where a container sets it, every worker and every process of a test would compile all modules again, and rewrite all asserts.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(
    filter(None, ["127.0.0.1,localhost", os.environ.get("NO_PROXY") or os.environ.get("no_proxy")])
)
# A busy machine is no failure: no example has a deadline. `mutants` only asks whether a test fails, not for its shortest example.
hypothesis_settings.register_profile("lake", deadline=None)
hypothesis_settings.register_profile("mutants", deadline=None, phases=(Phase.explicit, Phase.generate))
hypothesis_settings.load_profile("lake")
# Importing all tests makes millions of objects that stay: the collector looked through them again and again.
gc.set_threshold(100_000, 20, 50)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import files whose tests `make test-unit` leaves out all: each worker would."""
    chosen, here = config.option.markexpr, Path(__file__).parent
    if collection_path.suffix != ".py" or not collection_path.is_relative_to(here):
        return None
    place = collection_path.relative_to(here).as_posix()
    left_out = ("not integration" in chosen and any(part in place for part in ON_SERVERS)) or (
        "not stack" in chosen and place.startswith("stack/")
    )
    # others' tools, where they are installed, are asked by `make conformance` alone
    return left_out or (bool(chosen) and place.startswith("conformance/")) or None


def pytest_collection(session: pytest.Session) -> None:
    """Let every other worker of a whole run import the test modules from the last to the first.

    A new clone's asserts are rewritten first. Workers that all begin at the same end each rewrite all of them; so they share the work.
    """
    here, begin = Path(__file__).parent, session.config.invocation_params.dir
    is_other = os.environ.get("PYTEST_XDIST_WORKER", "gw0")[-1] in "13579"
    if not is_other or {(begin / argument).resolve() for argument in session.config.args} != {here}:
        return
    for path in sorted(here.rglob("test_*.py"), reverse=True):
        if not pytest_ignore_collect(path, session.config) and "conformance" not in path.parts:
            with contextlib.suppress(Exception):  # pytest reports a module that breaks
                importlib.import_module(".".join(("tests", *path.relative_to(here).with_suffix("").parts)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs servers, processes of its own, long histories or Great Expectations as integration tests."""
    for item in items:
        asks = SERVERS & (set(getattr(item, "fixturenames", ())) | _servers_by_name(item))
        place = item.path.relative_to(Path(__file__).parent).as_posix()
        if asks or any(part in place for part in ON_SERVERS):
            item.add_marker("integration")


def _servers_by_name(item: pytest.Item) -> set[str]:
    """Return the servers that a parameter names: its test or fixture gets them by `getfixturevalue`."""
    called = getattr(item, "callspec", None)
    texts = [value for value in called.params.values() if isinstance(value, str)] if called else []
    return {name for text in texts for name in (text, f"{text}_url")}


def pytest_collection_finish() -> None:
    """Take what was imported and collected out of the garbage collector's sight: it looked at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)  # with what was good for the imports, what tests leave grew to gigabytes


KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "testtest"}


@contextlib.contextmanager
def serving(
    command: list[str], url: str, environment: dict[str, str], *, patience: float = 10, start: float = 60
) -> Iterator[str]:
    process = subprocess.Popen(
        command, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **environment},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=dying_with_parent(signal.SIGKILL),
    )  # fmt: skip
    try:
        deadline = time.monotonic() + start
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(url, timeout=2).close()
                break
            except urllib.error.HTTPError:
                break  # it answers, if only to refuse an anonymous caller
            except OSError:
                assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running_moto() -> Iterator[str]:
    port = free_port()
    command = [
        sys.executable,
        str(Path(__file__).parent / "support/moto_server.py"),
        "-H",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    with serving(command, f"http://127.0.0.1:{port}", {}) as url:
        yield url


@contextlib.contextmanager
def running_ministack(folder: Path, *, patience: float = 60, policies: bool = False) -> Iterator[str]:
    """With `policies`, signatures and IAM policies are enforced; `test`/`test` may do everything."""
    port = free_port()
    environment = ministack_environment(folder, port, free_port()) | ({"AUTH": "true"} if policies else {})
    with serving([str(BIN / "ministack")], f"http://127.0.0.1:{port}", environment, start=patience) as url:
        yield url


def free_ports(count: int) -> list[int]:
    """Return different ports: each is open until all are found."""
    with contextlib.ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextlib.contextmanager
def running_seaweed(folder: Path) -> Iterator[str]:
    folder.mkdir(parents=True, exist_ok=True)
    identity = {
        "name": "test",
        "credentials": [{"accessKey": KEYS["aws_access_key_id"], "secretKey": KEYS["aws_secret_access_key"]}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ("s3.port", "master.port", "filer.port", "s3.port.grpc", "master.port.grpc", "filer.port.grpc")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    # The volume server's gRPC port lies 10,000 above its own.
    ports["volume.port"] = next(
        found
        for found in iter(free_port, None)
        if found < 50_000 and is_free(found + 10_000) and found not in ports.values()
    )
    command = [
        str(BIN / "weed"), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-filer",
        f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
        # every bucket takes volumes of its own
        "-volume.max=1000", "-master.volumeSizeLimitMB=64", *(f"-{name}={port}" for name, port in ports.items()),
    ]  # fmt: skip
    try:
        with serving(command, f"http://127.0.0.1:{ports['s3.port']}", {}, patience=0.1) as url:
            yield url
    finally:
        for port in [*ports.values(), ports["volume.port"] + 10_000]:
            for socket in Path(gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink()


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with running_moto() as url:
        yield url


@pytest.fixture(scope="session")
def ministack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="session")
def seaweed_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_seaweed(tmp_path_factory.mktemp("seaweed")) as url:
        yield url


@pytest.fixture(scope="session")
def replay_server() -> Iterator[str]:
    with start_replay() as url:
        yield url


@pytest.fixture
def replay_url(replay_server: str) -> Iterator[str]:
    """The replay server; faults, clocks and limits a test leaves behind are no other test's."""
    yield replay_server
    urllib.request.urlopen(urllib.request.Request(f"{replay_server}/_control/reset", method="POST"), timeout=5).close()


def client(service: str, url: str, **keys: str) -> Any:
    """A client with everyone's keys, or with the given ones."""
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2, "mode": "standard"})
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", config=config, **{**KEYS, **keys})


def new_store(url: str, *, versioned: bool = True) -> ObjectStore:
    s3, bucket = client("s3", url), f"lake-{uuid.uuid4().hex[:12]}"
    deadline = time.monotonic() + 30
    while True:
        try:
            s3.create_bucket(Bucket=bucket)
            break
        except Exception:  # seaweed answers before its volumes are ready
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return ObjectStore(s3, bucket, threads=4)


@pytest.fixture(params=["moto", "ministack", "seaweed"])
def any_store(request: pytest.FixtureRequest) -> ObjectStore:
    """A fresh versioned bucket on each S3 implementation."""
    return new_store(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def store(moto_url: str) -> ObjectStore:
    return new_store(moto_url)


@pytest.fixture
def lake(moto_url: str, tmp_path: Path) -> Lake:
    """A fresh lake; the catalog is moto's, the most faithful Glue, emptied before."""
    glue = client("glue", moto_url)
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Lake(new_store(moto_url), GlueCatalog(glue), DuckDbEngine(scratch=scratch), scratch)


@pytest.fixture
def run_at() -> Callable[..., Run]:
    """Runs in order: `run_at(2)` is later than `run_at(1)`."""

    def make(number: int, attempt: int = 1) -> Run:
        return Run(
            id=f"manual__{number}",
            started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number),
            attempt=attempt,
        )

    return make


aws_model.watch()


@pytest.fixture(scope="session", autouse=True)
def record_of_refused_requests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let this process and all that it starts name what AWS's model refuses."""
    record = tmp_path_factory.mktemp("requests") / "refused_by_aws"
    record.touch()
    os.environ[aws_model.RECORD] = str(record)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(aws_model.WATCHED), os.environ.get("PYTHONPATH")]))


@pytest.fixture(autouse=True)
def requests_that_aws_takes(request: pytest.FixtureRequest, record_of_refused_requests: None) -> Iterator[None]:
    """Fail a test that sends what AWS's model refuses; `refused_by_aws` marks one that is about that."""
    yield
    found = aws_model.recorded()
    if not request.node.get_closest_marker("refused_by_aws"):
        assert found == []


def contract_of(name: str = "silver.test.rows", **changes: Any) -> Contract:
    """A small contract; tests change what they are about."""
    base: dict[str, Any] = {
        "name": name, "version": "1.0.0", "description": "test", "team": "test", "grain": ["id"],
        "columns": {"id": {"type": "bigint", "required": True, "description": "key"}},
    }  # fmt: skip
    return Contract.model_validate({**base, **changes})
