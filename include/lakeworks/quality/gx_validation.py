"""The audit: Great Expectations validates the staged rows against the contract's suite, chunk by chunk.

Arrow computes what the expectations judge (`arrow_engine`), pandas computes it for expectations that Arrow does not know. A
large partition comes in several chunks. Checks of single rows run on each chunk. Checks of the whole partition (uniqueness,
means) run at its last chunk, and keep only their own columns until then. Checks of the table (columns, row count) run once.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lakeworks.contract import Contract, TableCheck
from lakeworks.quality.expectations import checks, expectation, is_of_single_rows, median_of
from lakeworks.quality.findings import AuditReport, Failure

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeworks.quality.audited_rows import AuditedRows

_SAMPLES = 5


@dataclass(frozen=True)
class Chunk:
    """Rows validated together: whole partitions, or a piece of one."""

    rows: "pa.Table"
    # Whether the last partition ends with these rows; otherwise the next chunk goes on with it.
    ends: bool = True
    # Every column of the objects, where `rows` has only those that checks read (`audited_columns`).
    names: Sequence[str] = ()


class Validation(Protocol):
    """A way to compute expectations."""

    def results(self, table: str, expectations: Mapping[int, Any], rows: "AuditedRows") -> dict[int, Any]:
        """Return GX's results by the expectations' numbers, without those that it cannot compute."""


def audited_columns(contract: Contract) -> list[str]:
    """Return the columns that some check reads."""
    return sorted({name for check in checks(contract) for name in check.columns})


def audit(
    contract: Contract,
    chunks: Iterable[Chunk],
    history: Sequence[int] = (),
    validations: Sequence[Validation] | None = None,
) -> AuditReport:
    """Validate staged rows; `history` holds earlier row counts of the table.

    Each of the `validations` computes what those before it left. The last one must leave nothing.

    Raises:
        ContractError: a check of the contract does not exist or has wrong arguments.
    """
    audit = _Audit(contract, median_of(list(history)), validations or _arrow_then_pandas())
    for chunk in chunks:
        audit.take(chunk)
        del chunk  # not beside the next one
    return audit.report()


def _arrow_then_pandas() -> Sequence[Validation]:
    from lakeworks.quality.arrow_validation import ArrowValidation
    from lakeworks.quality.pandas_validation import PandasValidation

    return ArrowValidation(), PandasValidation()


@dataclass(frozen=True)
class _Check:
    """A check of the contract and the expectation that it became."""

    of: TableCheck
    expectation: Any
    singly: bool


class _Audit:
    """One audit in progress: the findings so far, and the columns still needed of an unfinished partition."""

    def __init__(self, contract: Contract, median: float | None, validations: Sequence[Validation]) -> None:
        self.contract, self.validations = contract, validations
        made = [(check, expectation(contract, check, median)) for check in checks(contract)]
        suite = [_Check(check, own, is_of_single_rows(own, check.expectation)) for check, own in made]
        self.by_rows = [check for check in suite if check.of.columns]
        self.by_table = [check for check in suite if not check.of.columns]
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
        import pyarrow as pa

        from lakeworks.quality.audited_rows import rows_of

        together = [check for check in self.by_rows if not check.singly]
        self._look([check for check in self.by_rows if check.singly], chunk.rows)
        self.begun.append(rows_of([check.of for check in together], chunk.rows).table)
        if chunk.ends:
            begun, self.begun = self.begun, []
            self._look(together, pa.concat_tables(begun, promote_options="permissive"))

    def report(self) -> AuditReport:
        """Return the findings, including the checks of the whole table."""
        import pyarrow as pa

        from lakeworks.quality.audited_rows import AuditedRows

        assert not self.begun, "the last chunk ends its partition"  # noqa: S101 - an order of calls
        names = list(self.contract.file_columns) if self.names is None else list(self.names)
        self._validate(self.by_table, AuditedRows(pa.table({}), names, self.rows))
        return AuditReport(
            table=self.contract.name,
            rows=self.rows,
            evaluated=len(self.by_rows) + len(self.by_table),
            failures=tuple(self.failures),
            seconds=time.monotonic() - self.started,
            pages=tuple(self.pages),
        )

    def _look(self, some: list[_Check], table: "pa.Table") -> None:
        from lakeworks.quality.audited_rows import rows_of

        if some:
            self._validate(some, rows_of([check.of for check in some], table))

    def _validate(self, some: list[_Check], rows: "AuditedRows") -> None:
        """Validate and keep only the findings: the rows must be freed before the next ones are read."""
        left = {number: check.expectation for number, check in enumerate(some)}
        results: dict[int, Any] = {}
        for validation in self.validations:
            results |= validation.results(self.contract.name, left, rows)
            left = {number: own for number, own in left.items() if number not in results}
        page = _page(self.contract, [results[number] for number in range(len(some))])
        self.failures.extend(_failures(self.contract, page, rows))
        self.pages.append(page)


def _page(contract: Contract, results: list[Any]) -> Any:
    """Return the results as GX's result of a suite."""
    from great_expectations import __version__
    from great_expectations.core import ExpectationSuiteValidationResult

    for item in results:
        _withhold(contract, item)
    passed = sum(bool(item.success) for item in results)
    counts = {"evaluated_expectations": len(results), "successful_expectations": passed}
    return ExpectationSuiteValidationResult(
        success=passed == len(results),
        results=results,
        suite_name=contract.name,
        statistics={
            **counts,
            "unsuccessful_expectations": len(results) - passed,
            "success_percent": 100 * passed / len(results) if results else None,
        },
        meta={"great_expectations_version": __version__},
    )


def _withhold(contract: Contract, item: Any) -> None:
    """Remove values of columns with personal data, so that no message, page or file shows them."""
    private = {name for name, column in contract.columns.items() if column.pii}
    check = TableCheck(expectation=item.expectation_config.type, kwargs=dict(item.expectation_config.kwargs))
    if check.columns & private:
        for key in ("partial_unexpected_list", "partial_unexpected_counts", "observed_value"):
            item.result.pop(key, None)


def _failures(contract: Contract, page: Any, rows: "AuditedRows") -> list[Failure]:
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
                rows=details.get("element_count", rows.count) or 0,
                samples=_samples(rows, places, contract, named),
                observed=details.get("observed_value", _exception(item)),
            )
        )
    return failures


def _samples(
    rows: "AuditedRows", places: list[Any], contract: Contract, named: tuple[str, ...]
) -> tuple[dict[str, Any], ...]:
    """Return grain and checked columns of the first broken rows, so that a person can find them."""
    shown = [
        name for name in (*contract.grain, *named) if name in rows.table.schema.names and not contract.columns[name].pii
    ]
    columns = {name: rows.column(name).values for name in dict.fromkeys(shown)}
    known = [int(place) for place in places[:_SAMPLES] if place < rows.count]
    return tuple({name: _shown(values[place].as_py()) for name, values in columns.items()} for place in known)


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)


def _exception(item: Any) -> str | None:
    info = item.exception_info or {}
    return info.get("exception_message") if isinstance(info, dict) else None
