"""The shop with `approval` in the contract of its orders, and the steps of a run up to the question."""

from dataclasses import dataclass
from datetime import UTC, datetime

from lakeworks.approvals.asking import ask, decide
from lakeworks.core.partition import Period
from lakeworks.ledger.approvals import ApprovalRequest, ApprovalState, Verdict
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.write_step import write
from tests.support.shop_project import ORDERS, Shop

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)


@dataclass
class GuardedShop(Shop):
    """A shop whose runs of orders stop between audit and publish."""

    def demand(self, **rules: object) -> None:
        """Write `approval` into the contract of the orders."""
        path = self.tables / "silver/sales/orders/contract.yml"
        lines = [line for line in path.read_text().splitlines() if not line.startswith("approval:")]
        said = ", ".join(f"{name}: {str(value).lower()}" for name, value in rules.items())
        path.write_text("\n".join([*lines, f"approval: {{{said}}}", ""]) if rules else "\n".join([*lines, ""]))
        self.contracts()

    def change(self, old: str, new: str) -> None:
        """Change the contract of the orders."""
        path = self.tables / "silver/sales/orders/contract.yml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        self.contracts()

    def audited(self, day: Period, run: Run | None = None) -> str:
        """Write a day of the orders and let it pass its audit; return the manifest's key."""
        record = write(self.lake, ORDERS, day, run or self.run())
        return record.model_copy(update={"audit": {"passed": True}}).save(self.lake.store).key

    def asked(self, key: str) -> ApprovalRequest:
        """Ask about an audited day that needs a person."""
        request = ask(self.lake, key, {"dag_id": "shop", "run_id": "r", "task_id": "approve", "map_index": "-1"})
        assert request
        return request

    def answered(self, request: ApprovalRequest, state: ApprovalState, note: str = "seen") -> ApprovalRequest:
        """Answer a request as Ana does."""
        return decide(self.lake, request, Verdict(state, "ana", NOW, note))
