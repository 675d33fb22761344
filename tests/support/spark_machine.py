"""The machine behind a Spark service: really runs a job file over objects in S3, and puts into S3 what the job wrote.

No Python index has Hadoop's S3 connector. So the machine is the connector: it downloads the order's files, gives the job local
addresses, and uploads its files and its answer as Spark leaves them, with the zero-byte markers of folders.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from tests.support import order_engine


@dataclass
class SparkMachine:
    """Runs one job after another. Without a `command` the uploaded file itself is run, by Python with Spark.

    `fault` is one of `order_engine`'s. `is_held` keeps jobs running until they are cancelled.
    """

    s3: Any
    scratch: Path
    command: Sequence[str] = (sys.executable, str(order_engine.__file__))
    environment: Callable[[], Mapping[str, str]] = lambda: dict(os.environ)
    fault: str = ""
    is_held: bool = False
    ran: list[str] = field(default_factory=list)

    def run(self, entry: str, arguments: Sequence[str]) -> str:
        """Run a job to its end. Return the reason if it failed."""
        address = arguments[list(arguments).index("--order") + 1]
        self.ran.append(address)
        with TemporaryDirectory(dir=self.scratch) as folder:
            return self._run(Path(folder), entry, address)

    def _run(self, folder: Path, entry: str, address: str) -> str:
        job = folder / "job.py"
        job.write_bytes(self._read(entry))
        order = json.loads(self._read(address))
        for number, group in enumerate(group for table in order["inputs"] for group in table["groups"]):
            group["files"] = [
                self._downloaded(one, folder / f"{number}-{n}.parquet") for n, one in enumerate(group["files"])
            ]
        here = {**order, "output": (folder / "built").as_uri(), "result": (folder / "built.json").as_uri()}
        (folder / "order.json").write_text(json.dumps(here))
        command = [*self.command, *filter(None, [self.fault])] if self.command else [sys.executable, str(job)]
        done = subprocess.run(
            [*command, "--order", (folder / "order.json").as_uri()],
            env=self.environment(),
            capture_output=True,
            cwd=folder,
            check=False,
        )
        if done.returncode >= 0:
            self._upload(folder, order)
        return "" if done.returncode == 0 else f"Job failed with exit code {done.returncode}"

    def _downloaded(self, address: str, path: Path) -> str:
        path.write_bytes(self._read(address))
        return path.as_uri()

    def _upload(self, folder: Path, order: dict[str, Any]) -> None:
        built = folder / "built"
        if built.is_dir():
            self._write(order["output"], b"")  # s3a's marker of a folder
            self._write(f"{order['output']}_temporary_$folder$", b"")  # EMRFS's
            for path in sorted(built.glob("part-*")):
                self._write(f"{order['output']}{path.name}", path.read_bytes())
        if (folder / "built.json").is_file():
            self._write(order["result"], (folder / "built.json").read_bytes())

    def _read(self, address: str) -> bytes:
        place = urlsplit(address)
        body: bytes = self.s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
        return body

    def _write(self, address: str, body: bytes) -> None:
        place = urlsplit(address)
        self.s3.put_object(Bucket=place.netloc, Key=place.path.lstrip("/"), Body=body)
