"""A table that takes files, and files of this machine."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakeworks.contract import Contract
from lakeworks.core.file_selection import select
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.landing.landing_set import LandingSet
from lakeworks.ledger.run_record import Run
from lakeworks.loading.delivery import Delivery
from lakeworks.loading.period_load import check_files, load_files
from lakeworks.loading.report import LoadReport
from lakeworks.parquet.dataset import open_dataset
from lakeworks.pipeline.fetch_step import land
from tests.conftest import contract_of

DAY = Period.parse("2026-01-06")


def till_contract(**changes: Any) -> Contract:
    columns = {
        "id": {"type": "bigint", "required": True, "minimum": 1, "description": ""},
        "amount": {"type": "decimal(20,4)", "description": ""},
        "shop": {"type": "string", "allowed": ["north", "south"], "description": ""},
    }
    base = {
        "source": "file_drop.till",
        "partition_by": ["day"],
        "grain": [],
        "schema_policy": "widen",
        "columns": columns,
    }
    return contract_of("bronze.test.till", **{**base, **changes})


class Till:
    """Files of a folder, and the lake they are loaded into."""

    def __init__(self, lake: Lake, folder: Path) -> None:
        self.contract = till_contract()
        self.lake = replace(lake, contract=lambda _: self.contract)
        self.folder = folder

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name.replace("__", ".")).write_text(text)

    def load(self, *paths: Path, **options: Any) -> LoadReport:
        selection = select(paths or [self.folder])
        return load_files(self.lake, self.contract, DAY, check_files(self.contract, selection), **options)

    def land(self, *names: str, sent: Callable[[int], None] = lambda _: None) -> LandingSet:
        """The first half of a load; nothing is published."""
        checks = check_files(self.contract, select([self.folder / name for name in names] or [self.folder]))
        delivery = Delivery([item.as_checked() for item in checks], sent)
        made = land(self.lake, self.contract, DAY, self.run(), delivery)
        assert isinstance(made, LandingSet)
        return made

    def run(self) -> Run:
        now = datetime.now(UTC)
        return Run(id=f"dag__{now:%Y%m%dT%H%M%S%f}", started_at=now)

    def rows(self) -> list[dict[str, Any]]:
        """What readers find, by id."""
        live = self.lake.live(self.contract, DAY)
        found = (
            pa.Table.from_batches(open_dataset(self.lake.store, self.contract, live.values()).to_batches(), None)
            if live
            else pa.table({"id": []})
        )
        return sorted(
            found.select([n for n in ("id", "amount", "shop") if n in found.schema.names]).to_pylist(),
            key=lambda row: row["id"],
        )

    def ids(self) -> list[int]:
        return [row["id"] for row in self.rows()]


@pytest.fixture
def till(lake: Lake, tmp_path: Path) -> Till:
    folder = tmp_path / "files"
    folder.mkdir()
    return Till(lake, folder)
