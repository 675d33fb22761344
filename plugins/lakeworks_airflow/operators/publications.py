"""Acts on publications that people start: roll back, withdraw, replay quarantined rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakeworks_airflow.operators.base import TableOperator, run_of

if TYPE_CHECKING:
    from airflow.sdk import Context


class RollbackOperator(TableOperator):
    """Make an earlier publication of one partition live again.

    :param table: the table. (templated)
    :param partition: the partition, as the ledger names it. (templated)
    :param to: number of the publication; without it, the one before the live one. (templated)
    :param seen: number of the publication that was live when a person decided; another one stops the run. (templated)
    """

    template_fields: Sequence[str] = ("table", "partition", "to", "seen")

    def __init__(self, *, partition: str, to: int | str = "", seen: int | str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.partition = partition
        self.to = to
        self.seen = seen

    def step(self, context: "Context") -> dict[str, Any]:
        """Return the publication that is live now."""
        from lakeworks.contract import load_contract
        from lakeworks.publications.rollbacks import rollback

        lake, contract = self.lake(), load_contract(self.table)
        partition, by = lake.find_partition(contract, self.partition), context["dag_run"].run_id
        return rollback(lake, contract, partition, _number(self.to), seen=_number(self.seen), by=by).as_row()


class WithdrawOperator(TableOperator):
    """Withdraw one partition from readers; a rollback brings it back.

    :param table: the table. (templated)
    :param partition: the partition, as the ledger names it. (templated)
    :param seen: as in RollbackOperator. (templated)
    """

    template_fields: Sequence[str] = ("table", "partition", "seen")

    def __init__(self, *, partition: str, seen: int | str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.partition = partition
        self.seen = seen

    def step(self, context: "Context") -> dict[str, Any]:
        """Return the publication that withdrew it."""
        from lakeworks.contract import load_contract
        from lakeworks.publications.withdrawal import withdraw

        lake, contract = self.lake(), load_contract(self.table)
        partition, by = lake.find_partition(contract, self.partition), context["dag_run"].run_id
        return withdraw(lake, contract, partition, seen=_number(self.seen), by=by).as_row()


class ReplayOperator(TableOperator):
    """Rebuild a period that quarantined rows, with the current contract and SQL.

    :param table: the table. (templated)
    :param period: the period of the run that quarantined them. (templated)
    :param downstream: `True` also rebuilds the tables that are built from it. (templated)
    """

    template_fields: Sequence[str] = ("table", "period", "downstream")

    def __init__(self, *, period: str, downstream: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.period = period
        self.downstream = downstream

    def step(self, context: "Context") -> dict[str, Any]:
        """Return the rows before and after."""
        from lakeworks.contract import load_contract
        from lakeworks.core.partition import Period
        from lakeworks.quarantine.replays import replay

        contract, period = load_contract(self.table), Period.parse(self.period)
        done = replay(
            self.lake(), contract, period, with_downstream=str(self.downstream) == "True", run=run_of(context)
        )
        return {
            "table": contract.name,
            "period": done.period,
            "quarantined_before": done.before.rows,
            "quarantined": done.record.balance.quarantined,
            "rejoined": done.rejoined,
            "rebuilt": list(done.rebuilt),
        }


def _number(text: int | str) -> int | None:
    """Return a templated number; None for an empty field."""
    return int(text) if str(text) not in ("", "None") else None
