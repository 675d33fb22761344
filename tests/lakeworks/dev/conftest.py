"""A shop with three live days, in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.memory_s3 import memory_lake
from tests.support.shop_project import Shop, write_shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("LAKE_PROJECT", str(tmp_path / "project"))
    (tmp_path / "project").mkdir()
    made = Shop(memory_lake(tmp_path), write_shop(tmp_path / "project"))
    made.fill()
    yield made
    made.contracts()
