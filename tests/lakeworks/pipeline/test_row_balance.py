"""rows in = staged + quarantined + deduplicated, or the run stops: also when the engine itself loses a row."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakeworks.engines.build_result import BuildResult
from lakeworks.engines.duckdb import DuckDbEngine, DuckDbSession
from lakeworks.errors import RowBalanceError
from lakeworks.pipeline.write_step import write
from tests.lakeworks.pipeline.test_late_data import SILVER, Shop, day_of, order


class LosingResult(BuildResult):
    """What a transform made, without its first row."""

    def staged(self) -> pa.RecordBatchReader:
        rows = super().staged()
        return pa.RecordBatchReader.from_batches(rows.schema, (batch.slice(1) for batch in rows))


class LosingSession(DuckDbSession):
    def build(self, *arguments: Any, **options: Any) -> BuildResult:
        built = super().build(*arguments, **options)
        return LosingResult(**{field.name: getattr(built, field.name) for field in fields(built)})


class LosingEngine(DuckDbEngine):
    """An engine with a fault."""

    @contextmanager
    def session(self) -> Iterator[DuckDbSession]:
        with super().session() as session:
            yield LosingSession(**{field.name: getattr(session, field.name) for field in fields(session)})


def test_a_row_that_the_engine_loses_stops_the_run(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.arrive(1, [order(0), order(0, id=7)])
    losing = LosingEngine(scratch=tmp_path, pii_salt="a salt for tests only")
    with pytest.raises(RowBalanceError, match=r"2 rows in, but 1 staged \+ 0 quarantined \+ 0 deduplicated"):
        write(replace(shop.lake, engine=losing), SILVER, day_of(1), shop.run())
    assert not [item.key for item in shop.lake.store.scan("_staging/silver/") if item.key.endswith("manifest.json")]
    assert shop.build(SILVER, 1).balance.staged == 2
