"""First steps of the nightly maintenance: complete publications of dead writers, then withdraw expired partitions."""

import logging
from typing import TYPE_CHECKING, Any

from lakeworks.errors import LakeUnavailable
from lakeworks_airflow.operators.base import TableOperator
from lakeworks_airflow.ui_links import DataLink

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class RollForwardOperator(TableOperator):
    """Complete the publications of a table that killed writers left unfinished, before garbage collection runs.

    :param table: the table. (templated)
    """

    operator_extra_links = (DataLink(),)

    def step(self, context: "Context") -> dict[str, Any]:
        """Return how many partitions were completed, and which were given up because their staged files are gone."""
        from lakeworks.contract import load_contract
        from lakeworks.maintenance.crash_recovery import roll_forward

        result = roll_forward(self.lake(), load_contract(self.table))
        if result.failed:
            raise LakeUnavailable(
                f"`{self.table}`: {len(result.failed)} unfinished publications could not be completed, "
                f"first {result.failed[0]}. The others are complete. Look: {self.command('verify')} {self.table}"
            )
        for text in result.half:
            log.warning("half a run: %s", text)
        abandoned = [str(partition) for partition in result.abandoned]
        return {
            "table": self.table,
            "completed": len(result.completed),
            "abandoned": abandoned,
            "half_runs": len(result.half),
        }


class ExpireOperator(TableOperator):
    """Withdraw the partitions of a table that no run published or confirmed within its retention.

    Objects of partitions that runs keep confirming are written again, before the bucket's rule would delete them.

    :param table: the table. (templated)
    """

    operator_extra_links = (DataLink(),)

    def step(self, context: "Context") -> dict[str, Any]:
        """Return how many partitions, rows and bytes were withdrawn, which first, and how many were renewed."""
        from lakeworks.contract import load_contract
        from lakeworks.maintenance.expiry import expire
        from lakeworks.maintenance.renewal import renew

        lake, contract = self.lake(), load_contract(self.table)
        expired = expire(lake, contract, dry_run=False)
        renewed = renew(lake, contract)
        for item in expired:
            log.info("expired %s %s, last confirmed %s", self.table, item.partition, item.last_confirmed)
        return {
            "table": self.table,
            "expired": len(expired),
            "rows": sum(item.rows for item in expired),
            "bytes": sum(item.bytes for item in expired),
            "renewed": len(renewed),
            "first": [str(item.partition) for item in expired[:5]],
        }
