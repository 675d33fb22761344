"""A shop whose orders demand approval; three live days, in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lakeworks.approvals.guarded_shop import GuardedShop
from tests.support.memory_s3 import memory_lake
from tests.support.shop_project import write_shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedShop]:
    monkeypatch.setenv("LAKE_PROJECT", str(tmp_path / "project"))
    (tmp_path / "project").mkdir()
    made = GuardedShop(memory_lake(tmp_path), write_shop(tmp_path / "project"))
    made.fill()
    yield made
    made.contracts()
