"""The audit: Great Expectations validates the staged rows against the contract's suite, chunk by chunk.

GX runs on pandas over the suite's columns only, the fastest way that works (docs/audit.md). Checks about the table as a whole
(columns, row count) run once over all chunks.
"""

import logging
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from lakeworks.contract import Contract, TableCheck
from lakeworks.errors import AuditFailed
from lakeworks.quality.suite import checks, columns_of, expectation, median_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_SAMPLES = 5


@dataclass(frozen=True)
class Failure:
    """One check that did not hold."""

    expectation: str
    columns: tuple[str, ...]
    severity: str
    unexpected: int
    rows: int
    samples: tuple[dict[str, Any], ...]
    observed: Any = None

    def __str__(self) -> str:
        """One line for a log: what, where, how many, which."""
        place = f" on {', '.join(f'`{name}`' for name in self.columns)}" if self.columns else ""
        seen = f"{self.unexpected} of {self.rows} rows" if self.unexpected else f"observed {self.observed}"
        samples = f"; for example {'; '.join(map(str, self.samples))}" if self.samples else ""
        return f"{self.severity}: {self.expectation}{place}: {seen}{samples}"


@dataclass(frozen=True)
class AuditReport:
    """What Great Expectations found."""

    table: str
    rows: int
    evaluated: int
    failures: tuple[Failure, ...]
    seconds: float
    pages: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def passed(self) -> bool:
        """Whether nothing of severity `error` failed."""
        return not any(failure.severity == "error" for failure in self.failures)

    def summary(self) -> dict[str, Any]:
        """What the ledger keeps."""
        warned = sum(failure.severity == "warn" for failure in self.failures)
        return {"passed": self.passed, "expectations": self.evaluated, "warnings": warned, "rows": self.rows}

    def raise_if_failed(self, where: str, report: str) -> None:
        """Stop unless the audit passed.

        Raises:
            AuditFailed: naming every failed check with counts and sample rows.
        """
        if not self.passed:
            lines = "\n".join(f"  - {failure}" for failure in self.failures)
            raise AuditFailed(
                f"{where}: the audit failed, so nothing was published; live data is as it was.\n{lines}\n"
                f"The report is at `{report}`; the staged rows stay for inspection until lifecycle removes them. Correct the "
                "source, the transform or the contract, then run the partition again."
            )


def audit(contract: Contract, chunks: Iterable["pa.Table"], history: Sequence[int] = ()) -> AuditReport:
    """Validate staged rows. Chunks are cut at partition borders; `history` holds earlier row counts of the table.

    Raises:
        ContractError: a check of the contract does not exist or has wrong arguments.
    """
    started = time.monotonic()
    median = median_of(list(history))
    by_rows = [check for check in checks(contract) if columns_of(check)]
    by_table = [check for check in checks(contract) if not columns_of(check)]
    wanted = sorted({name for check in by_rows for name in columns_of(check)})
    results: list[Any] = []
    rows, names = 0, list(contract.file_columns)
    for chunk in chunks:
        rows, names = rows + chunk.num_rows, chunk.schema.names
        results.append(_validate(contract, by_rows, to_pandas(chunk.select([n for n in wanted if n in names])), None))
    results.append(_validate(contract, by_table, _whole(names, rows), median))
    failures = tuple(failure for result in results for failure in _failures(contract, result))
    return AuditReport(
        table=contract.name,
        rows=rows,
        evaluated=len(by_rows) + len(by_table),
        failures=failures,
        seconds=time.monotonic() - started,
        pages=tuple(result[0] for result in results),
    )


def to_pandas(table: "pa.Table") -> "pd.DataFrame":
    """The rows for GX: decimals as floats (exact enough to compare with a limit, and 20 times as fast as objects)."""
    import pyarrow as pa

    for index, item in enumerate(table.schema):
        if pa.types.is_decimal(item.type):
            table = table.set_column(index, item.name, table.column(index).cast(pa.float64()))
    frame: pd.DataFrame = table.to_pandas(self_destruct=True, split_blocks=True)
    return frame


def _whole(names: list[str], rows: int) -> "pd.DataFrame":
    """The table's shape without its values: its columns, and as many rows, in next to no memory."""
    import numpy as np
    import pandas as pd

    return pd.DataFrame({name: pd.Series(np.broadcast_to(np.int8(0), rows), copy=False) for name in names})


def _validate(contract: Contract, wanted: list[TableCheck], frame: "pd.DataFrame", median: float | None) -> Any:
    gx, context = great_expectations()
    source = context.data_sources.add_or_update_pandas("staged").add_dataframe_asset(contract.name)
    batch = source.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": frame})
    expectations = [expectation(contract, check, median) for check in wanted]
    found = gx.ExpectationSuite(name=contract.name, expectations=expectations)
    return batch.validate(found, result_format="SUMMARY"), frame


@cache
def great_expectations() -> tuple[Any, Any]:
    """GX with one in-memory context for the process: no files, no progress bars, no calls home."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    # Its renderers log a traceback for every numpy float they meet; the page is complete all the same.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=stores))
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return gx, context


def _failures(contract: Contract, validated: tuple[Any, "pd.DataFrame"]) -> list[Failure]:
    result, frame = validated
    failures = []
    for item in result.results:
        if item.success:
            continue
        config, details = item.expectation_config, item.result
        check = TableCheck(expectation=config.type, kwargs=dict(config.kwargs))
        places = details.get("partial_unexpected_index_list") or []
        named = tuple(sorted(columns_of(check)))
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
    """Grain and checked columns of the first broken rows, so that a person can find them."""
    shown = [name for name in (*contract.grain, *named) if name in frame.columns]
    rows = [frame.loc[place, list(dict.fromkeys(shown))] for place in places[:_SAMPLES] if place in frame.index]
    return tuple({key: str(value) for key, value in row.items()} for row in rows)


def _exception(item: Any) -> str | None:
    info = item.exception_info or {}
    return info.get("exception_message") if isinstance(info, dict) else None
