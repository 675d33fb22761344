"""Check of a contract's row rules on rows that are not in the lake yet."""

from collections.abc import Iterator, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from lakeworks.contract import RowRule
from lakeworks.engines.build_sql import quoted
from lakeworks.engines.error_messages import explained

_PLACE = "_place in batch"


class RowCheck:
    """One connection for all batches of a check."""

    def __init__(self, table: str, rules: Sequence[RowRule]) -> None:
        self._table, self._rules = table, rules
        config = {"autoinstall_known_extensions": False, "autoload_known_extensions": False, "threads": 1}
        self._connection = duckdb.connect(config=config)
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET enable_progress_bar = false")  # standard output is the command's

    def broken(self, rows: pa.RecordBatch) -> Iterator[tuple[int, list[RowRule]]]:
        """Yield the place of each row that breaks a rule, and those it breaks.

        Raises:
            ContractError: a rule is no SQL over the table's columns.
        """
        if not self._rules or not len(rows):
            return
        placed = pa.table([*rows.columns, pa.array(np.arange(len(rows)))], names=[*rows.schema.names, _PLACE])
        verdicts = ", ".join(f"coalesce(({rule.sql}), FALSE)" for rule in self._rules)
        good = " AND ".join(f"coalesce(({rule.sql}), FALSE)" for rule in self._rules)
        with explained(f"`{self._table}`, its row rules"):
            self._connection.register("_rows", placed)
            rules = self._connection.execute(
                f"SELECT {quoted(_PLACE)}, {verdicts} FROM _rows WHERE NOT ({good}) ORDER BY 1"
            ).fetchall()
        for place, *kept in rules:
            yield place, [rule for rule, is_kept in zip(self._rules, kept, strict=True) if not is_kept]
