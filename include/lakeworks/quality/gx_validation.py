"""The audit: Great Expectations validates the staged rows against the contract's suite, chunk by chunk.

GX runs on pandas over the suite's columns only, the fastest way that works (docs/audit.md). A large partition comes in several
chunks. Checks of single rows run on each chunk. Checks of the whole partition (uniqueness, means) run at its last chunk, and
keep only their own columns until then. Checks of the table (columns, row count) run once over all chunks.
"""

import gc
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lakeworks.contract import Contract, TableCheck
from lakeworks.quality.expectations import checks, expectation, median_of, of_single_rows
from lakeworks.quality.findings import AuditReport, Failure
from lakeworks.quality.pandas_frame import columns_of, concatenated, shape, to_pandas

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_SAMPLES = 5
# For frames of at least this size a run of Python's garbage collector pays off.
LARGE_ROWS = 100_000


@dataclass(frozen=True)
class Chunk:
    """Rows validated together: whole partitions, or a piece of one."""

    rows: "pa.Table"
    # Whether the last partition ends with these rows; otherwise the next chunk goes on with it.
    ends: bool = True
    # Every column of the objects, where `rows` has only those that checks read (`audited_columns`).
    names: Sequence[str] = ()


def audited_columns(contract: Contract) -> list[str]:
    """Return the columns that some check reads."""
    return sorted({name for check in checks(contract) for name in check.columns})


def audit(
    contract: Contract,
    chunks: Iterable[Chunk],
    history: Sequence[int] = (),
    as_pandas: Callable[["pa.Table"], "pd.DataFrame"] | None = None,
) -> AuditReport:
    """Validate staged rows; `history` holds earlier row counts of the table.

    Raises:
        ContractError: a check of the contract does not exist or has wrong arguments.
    """
    audit = _Audit(contract, median_of(list(history)), as_pandas or to_pandas)
    for chunk in chunks:
        audit.take(chunk)
        del chunk  # not beside the next one
    return audit.report()


class _Audit:
    """One audit in progress: the findings so far, and the columns still needed of an unfinished partition."""

    def __init__(
        self, contract: Contract, median: float | None, convert: Callable[["pa.Table"], "pd.DataFrame"]
    ) -> None:
        self.contract, self.median, self.convert = contract, median, convert
        self.by_rows = [check for check in checks(contract) if check.columns]
        self.by_table = [check for check in checks(contract) if not check.columns]
        self.begun: list[pa.Table] = []
        self.names: Sequence[str] | None = None
        self.rows = 0
        self.pages: list[Any] = []
        self.failures: list[Failure] = []
        self.started = time.monotonic()

    def take(self, chunk: Chunk) -> None:
        """Run the checks that are possible on these rows now."""
        seen = chunk.names or chunk.rows.schema.names
        self.names = seen if self.names is None else [name for name in self.names if name in seen]
        self.rows += chunk.rows.num_rows
        if chunk.ends and not self.begun:
            self._look(self.by_rows, chunk.rows)
        else:
            self._take_piece(chunk)

    def _take_piece(self, chunk: Chunk) -> None:
        singly = [check for check in self.by_rows if of_single_rows(self.contract, check)]
        together = [check for check in self.by_rows if not of_single_rows(self.contract, check)]
        self._look(singly, chunk.rows)
        self.begun.append(columns_of(together, chunk.rows))
        if chunk.ends:
            begun, self.begun = self.begun, []
            self._look(together, concatenated(begun))

    def report(self) -> AuditReport:
        """Return the findings, including the checks of the whole table."""
        assert not self.begun, "the last chunk ends its partition"  # noqa: S101 - an order of calls
        names = list(self.contract.file_columns) if self.names is None else list(self.names)
        for about_rows in (True, False):
            some = [c for c in self.by_table if c.expectation.startswith("expect_table_row_count") == about_rows]
            self._validated(some, shape(names, self.rows, about_rows=about_rows))
        return AuditReport(
            table=self.contract.name,
            rows=self.rows,
            evaluated=len(self.by_rows) + len(self.by_table),
            failures=tuple(self.failures),
            seconds=time.monotonic() - self.started,
            pages=tuple(self.pages),
        )

    def _look(self, checks: list[TableCheck], rows: "pa.Table") -> None:
        if checks:
            self._validated(checks, self.convert(columns_of(checks, rows)))
        if rows.num_rows >= LARGE_ROWS:
            gc.collect()  # GX leaves the frame in reference cycles, and Python counts it as one small object

    def _validated(self, checks: list[TableCheck], frame: "pd.DataFrame") -> None:
        """Validate and keep only the findings: the frame must be freed before the next one is made."""
        page = _validate(self.contract, checks, frame, self.median)
        self.failures.extend(_failures(self.contract, page, frame))
        self.pages.append(page)


def _validate(contract: Contract, checks: list[TableCheck], frame: "pd.DataFrame", median: float | None) -> Any:
    gx, _ = great_expectations()
    expectations = [expectation(contract, check, median) for check in checks]
    suite = gx.ExpectationSuite(name=contract.name, expectations=expectations)
    rows = _staged_rows(contract.name)
    try:
        page = rows.get_batch({"dataframe": frame}).validate(suite, result_format="SUMMARY")
    finally:
        batches = rows.data_asset.datasource.get_execution_engine().batch_manager
        batches.batch_data_cache.clear()  # it would keep the frame in memory until the next one
        batches.reset_batch_cache()
    for item in page.results:
        _withhold(contract, item)
    return page


@cache
def _staged_rows(table: str) -> Any:
    """Return GX's definition of a table's frames. Make it once, because for each GX writes its whole context (20 ms)."""
    _, context = great_expectations()
    sources = context.data_sources
    source = sources.get("staged") if "staged" in sources.all() else sources.add_pandas("staged")
    return source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("rows")


def _withhold(contract: Contract, item: Any) -> None:
    """Remove values of columns with personal data, so that no message, page or file shows them."""
    private = {name for name, column in contract.columns.items() if column.pii}
    check = TableCheck(expectation=item.expectation_config.type, kwargs=dict(item.expectation_config.kwargs))
    if check.columns & private:
        for key in ("partial_unexpected_list", "partial_unexpected_counts", "observed_value"):
            item.result.pop(key, None)


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


def _failures(contract: Contract, page: Any, frame: "pd.DataFrame") -> list[Failure]:
    failures = []
    for item in page.results:
        if item.success:
            continue
        config, details = item.expectation_config, item.result
        check = TableCheck(expectation=config.type, kwargs=dict(config.kwargs))
        places = details.get("partial_unexpected_index_list") or []
        named = tuple(sorted(check.columns))
        failures.append(
            Failure(
                expectation=config.type,
                columns=named,
                severity=(config.meta or {}).get("severity", "error"),
                unexpected=details.get("unexpected_count", 0) or 0,
                rows=details.get("element_count", len(frame)) or 0,
                samples=_samples(frame, places, contract, named),
                observed=details.get("observed_value", _exception(item)),
            )
        )
    return failures


def _samples(
    frame: "pd.DataFrame", places: list[Any], contract: Contract, named: tuple[str, ...]
) -> tuple[dict[str, Any], ...]:
    """Return grain and checked columns of the first broken rows, so that a person can find them."""
    shown = [name for name in (*contract.grain, *named) if name in frame.columns and not contract.columns[name].pii]
    names = list(dict.fromkeys(shown))  # column by column, because a row as a whole would have one type
    known = [place for place in places[:_SAMPLES] if place in frame.index]
    return tuple({name: _shown(frame[name].loc[place]) for name in names} for place in known)


def _shown(value: Any) -> str:
    import pandas as pd

    return "null" if pd.api.types.is_scalar(value) and pd.isna(value) else str(value)


def _exception(item: Any) -> str | None:
    info = item.exception_info or {}
    return info.get("exception_message") if isinstance(info, dict) else None
