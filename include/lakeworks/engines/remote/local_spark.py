"""Spark on this machine, in a process of its own: for development, tests, and tables that one machine can build.

It reads S3 through no connector: pinned versions are downloaded, and the job's files are uploaded into staging.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lakeworks.core.scratch import scratch_folder
from lakeworks.engines.remote.job_order import died, order_text, read_result
from lakeworks.engines.spark import FOLDER, find_spark, spark_home
from lakeworks.ledger.build_plan import BuildEnd, BuildPlan, BuiltRows, EngineName
from lakeworks.ledger.entry import LiveObject
from lakeworks.s3.multipart import upload_file
from lakeworks.s3.object_store import ObjectStore, Target
from lakeworks.transform.spark_job_file import JOB

_LAST_LINES = 4000


def spark_environment() -> dict[str, str]:
    """Return the environment of a process that runs the Spark of this machine.

    Raises:
        ConfigError: there is none.
    """
    find_spark()
    folder = os.environ.get(FOLDER)
    path = os.pathsep.join(filter(None, [folder and str(Path(folder).absolute()), os.environ.get("PYTHONPATH")]))
    own = {
        "PYTHONPATH": path,
        "SPARK_HOME": spark_home(),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }
    return {**os.environ, **own}


@dataclass
class _Job:
    process: subprocess.Popen[bytes]
    folder: Path
    opened: ExitStack


@dataclass
class LocalSpark:
    """Runs the job on some cores of this machine. The build ends with this process."""

    scratch: Path
    memory: str = "1g"
    cores: int = 2
    command: Sequence[str] = (sys.executable, str(JOB))
    environment: Callable[[], Mapping[str, str]] = spark_environment
    name: EngineName = field(default="spark", init=False)
    detached: bool = field(default=False, init=False)
    keeps_microseconds: bool = field(default=True, init=False)
    _jobs: dict[str, _Job] = field(default_factory=dict, init=False, repr=False)

    def start(self, plan: BuildPlan, store: ObjectStore) -> str:
        """Download the inputs and start the job.

        Raises:
            ConfigError: there is no Spark on this machine.
        """
        build = plan.run.key
        if build in self._jobs:
            return build
        environment = {**self.environment(), "PYSPARK_SUBMIT_ARGS": self._options()}
        with ExitStack() as opening:
            folder = opening.enter_context(scratch_folder(self.scratch))
            objects = [item for one in plan.inputs for part in one.partitions for item in part.objects]
            places = {item.key: folder / f"input-{number}.parquet" for number, item in enumerate(objects)}
            store.map(lambda item: store.download(item.key, places[item.key], item.version_id), objects)

            def address(item: LiveObject) -> str:
                return places[item.key].as_uri()

            order = folder / "order.json"
            order.write_text(order_text(plan, address, (folder / "built").as_uri(), (folder / "built.json").as_uri()))
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen(
                    [*self.command, "--order", order.as_uri(), "--ends-with-input"],
                    stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder,
                    start_new_session=True,
                )  # fmt: skip
            self._jobs[build] = _Job(process, folder, opening.pop_all())
        return build

    def ended(self, build: str, plan: BuildPlan, store: ObjectStore) -> BuildEnd | None:
        """Return the end of the job, and put what it wrote into staging."""
        job = self._jobs[build]
        code = job.process.poll()
        if code is None:
            return None
        try:
            answer = job.folder / "built.json"
            if answer.is_file():
                store.put(plan.result_key, answer.read_bytes())
            if code != 0 and not answer.is_file():
                return BuildEnd(died(plan, f"{_exit(code)}. Its last line: {_last_line(job.folder / 'log')}"))
            for path in _written(job.folder / "built") if code == 0 else ():
                upload_file(store, path, Target(f"{plan.output}{path.name}", {}))
            return BuildEnd()
        finally:
            self.stop(build)

    def stop(self, build: str) -> None:
        """Kill the job with its JVM, and remove its files."""
        if job := self._jobs.pop(build, None):
            with suppress(ProcessLookupError):
                os.killpg(job.process.pid, signal.SIGKILL)
            job.process.wait()
            job.opened.close()

    def built(self, build: str, plan: BuildPlan, store: ObjectStore) -> BuiltRows:
        """Return what the job says that it wrote."""
        return read_result(plan, store)

    def _options(self) -> str:
        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": self.cores,
        }
        given = " ".join(f"--conf {name}={value}" for name, value in settings.items())
        return f"--master local[{self.cores}] --driver-memory {self.memory} {given} pyspark-shell"


def _written(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("part-*")) if folder.is_dir() else ()


def _exit(code: int) -> str:
    return f"it was killed by signal {-code}" if code < 0 else f"it ended with exit code {code}"


def _last_line(log: Path) -> str:
    lines = log.read_bytes()[-_LAST_LINES:].decode(errors="replace").strip().splitlines() if log.is_file() else []
    return lines[-1][:300] if lines else "none"
