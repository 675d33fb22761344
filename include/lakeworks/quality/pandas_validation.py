"""Validation of expectations by Great Expectations' own pandas engine: for those that Arrow does not compute."""

import gc
import logging
import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakeworks.quality.arrow_validation import RESULT_FORMAT
from lakeworks.quality.audited_rows import AuditedRows
from lakeworks.quality.pandas_frame import shape, to_pandas

if TYPE_CHECKING:
    import pandas as pd

# For frames of at least this size a run of Python's garbage collector pays off.
LARGE_ROWS = 100_000


class PandasValidation:
    """Results of any expectations. A frame has only the columns that they read."""

    def __init__(self, convert: Callable[[pa.Table], "pd.DataFrame"] | None = None) -> None:
        self._convert = convert or to_pandas

    def results(self, table: str, expectations: Mapping[int, Any], rows: AuditedRows) -> dict[int, Any]:
        """Return GX's results by the expectations' numbers."""
        if not expectations:
            return {}
        if rows.table.num_columns:
            some = _validated(table, expectations, self._convert(_columns_of(expectations, rows.table)))
            if rows.count >= LARGE_ROWS:
                gc.collect()  # GX leaves the frame in reference cycles, and Python counts it as one small object
            return some
        results: dict[int, Any] = {}
        for about_rows in (True, False):
            some = {
                n: e for n, e in expectations.items() if (e.metric_dependencies == ("table.row_count",)) == about_rows
            }
            results |= _validated(table, some, shape(list(rows.names), rows.count, about_rows=about_rows))
        return results


def _columns_of(expectations: Mapping[int, Any], table: pa.Table) -> pa.Table:
    """Return the columns that these expectations read; all of them if some read rows by a condition."""
    if any(getattr(expectation, "row_condition", None) is not None for expectation in expectations.values()):
        return table
    named: set[str] = set()
    for expectation in expectations.values():
        for key in ("column", "column_A", "column_B"):
            named.add(getattr(expectation, key, ""))
        named.update(getattr(expectation, "column_list", None) or ())
    return table.select([name for name in table.schema.names if name in named])


def _validated(table: str, expectations: Mapping[int, Any], frame: "pd.DataFrame") -> dict[int, Any]:
    if not expectations:
        return {}
    gx, _ = great_expectations()
    suite = gx.ExpectationSuite(name=table, expectations=list(expectations.values()))
    batches = _staged_rows(table)
    try:
        page = batches.get_batch({"dataframe": frame}).validate(suite, result_format=RESULT_FORMAT)
    finally:
        manager = batches.data_asset.datasource.get_execution_engine().batch_manager
        manager.batch_data_cache.clear()  # it would keep the frame in memory until the next one
        manager.reset_batch_cache()
    return _by_number(expectations, page.results)


def _by_number(expectations: Mapping[int, Any], results: list[Any]) -> dict[int, Any]:
    """Return the results by number. GX puts results with an exception first, so positions say nothing."""
    left = list(results)
    numbered = {}
    for number, expectation in expectations.items():
        own = expectation.configuration
        place = next(
            place for place, result in enumerate(left)
            if result.expectation_config.type == own.type and _same(result.expectation_config.kwargs, own.kwargs)
        )  # fmt: skip
        numbered[number] = left.pop(place)
    return numbered


def _same(kwargs: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    return {name: value for name, value in kwargs.items() if name != "batch_id"} == dict(others)


@cache
def _staged_rows(table: str) -> Any:
    """Return GX's definition of a table's frames. Make it once, because for each GX writes its whole context (20 ms)."""
    _, context = great_expectations()
    sources = context.data_sources
    source = sources.get("staged") if "staged" in sources.all() else sources.add_pandas("staged")
    return source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("rows")


@cache
def great_expectations() -> tuple[Any, Any]:
    """Return GX with one in-memory context per process: no files, no progress bars, no telemetry."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    # GX's renderers log a traceback for every numpy float, although the page is complete.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=stores))
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return gx, context
