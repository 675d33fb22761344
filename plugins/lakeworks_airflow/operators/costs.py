"""Storage costs: land the month's bill like a vendor's file."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakeworks_airflow.operators.base import TableOperator, run_of

if TYPE_CHECKING:
    from airflow.sdk import Context


class StorageCostOperator(TableOperator):
    """Land the bill of each month the run owns: bytes and US dollars by tenant, layer, domain, table and storage class.

    :param table: the table whose contract names the source `lake.storage_costs`. (templated)
    :param grain: `month`.
    :param inventory: `manifest.json` of an S3 Inventory (s3://…) in place of a listing. (templated)
    :param logs: S3 server access logs (s3://bucket/prefix/), for request and retrieval fees of reads. (templated)
    """

    template_fields: Sequence[str] = ("table", "inventory", "logs")

    def __init__(self, *, inventory: str | None = None, logs: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inventory = inventory
        self.logs = logs

    def step(self, context: "Context") -> list[str]:
        """Return the landing keys."""
        from lakeworks.contract import load_contract
        from lakeworks.core.clock import utc_now
        from lakeworks.cost.bill import BillingPeriod
        from lakeworks.cost.bill_source import Stocktaking
        from lakeworks.cost.report import ReportRequest
        from lakeworks.pipeline.fetch_step import land
        from lakeworks.prices import load_price_book
        from lakeworks.settings import current_settings

        lake, run, settings = self.lake(), run_of(context), current_settings()
        window = BillingPeriod.run_rate(utc_now())
        ask = ReportRequest(
            load_price_book(settings.price_book), settings.region, window, self.inventory or None, self.logs or None
        )
        contract, source = load_contract(self.table), Stocktaking(lake, ask)
        return [land(lake, contract, period, run, source).key for period in self.periods(context)]
