"""Maintenance of published data: catalog, objects and leftovers. One task per table; each returns a small summary."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import LakeUnavailable
from lakeworks_airflow.operators.base import LakeOperator, TableOperator
from lakeworks_airflow.ui_links import DataLink

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakeworks.lake import Lake

log = logging.getLogger(__name__)


class CatalogDiffOperator(TableOperator):
    """Compare the Glue catalog with the ledger and change nothing.

    :param table: the table to compare. (templated)
    :param fail: whether a difference fails the task.
    """

    operator_extra_links = (DataLink(),)

    def __init__(self, *, fail: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fail = fail

    def step(self, context: "Context") -> dict[str, Any]:
        """Return counts by kind and the first few differences."""
        differences = _reconciled(self.lake(), self.table, repair=False)
        if self.fail and differences["differences"]:
            raise AirflowFailException(
                f"`{self.table}`: catalog and ledger differ: {differences['differences']}, first {differences['left'][0]}. "
                f"Nothing was changed. Run: {self.command('catalog repair')} {self.table}"
            )
        return differences


class CatalogRepairOperator(TableOperator):
    """Bring the Glue catalog in line with the ledger. The task's retries repeat what Glue refuses.

    :param table: the table to repair. (templated)
    """

    operator_extra_links = (DataLink(),)

    def step(self, context: "Context") -> dict[str, Any]:
        """Return counts by kind, how many were repaired and the first few that only a person can decide."""
        differences = _reconciled(self.lake(), self.table, repair=True)
        refused = [text for text in differences["left"] if "Glue refused" in text]
        if refused:
            raise LakeUnavailable(f"`{self.table}`: {refused[0]}")
        return differences


class VerifyOperator(TableOperator):
    """Compare ledger, objects and catalog; a difference fails the task and names the command that repairs it.

    :param table: the table to verify. (templated)
    :param deep: read every object: its hash, and its columns against Glue's.
    """

    operator_extra_links = (DataLink(),)

    def __init__(self, *, deep: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deep = deep

    def step(self, context: "Context") -> dict[str, Any]:
        """Return the table's name once nothing differs."""
        from lakeworks.contract import load_contract
        from lakeworks.maintenance.verification import verify

        findings = verify(self.lake(), load_contract(self.table), deep=self.deep)
        for finding in findings:
            log.warning("%s %s: %s, %s", self.table, finding.partition, finding.kind, finding.detail)
        if findings:
            raise AirflowFailException(
                f"`{self.table}`: {dict(Counter(finding.kind for finding in findings))}, first {findings[0].partition}: "
                f"{findings[0].detail}. Nothing was changed. Look: {self.command('verify')} {self.table}, repair: "
                f"{self.command('repair')} {self.table}"
            )
        return {"table": self.table, "differences": {}}


class CompactOperator(LakeOperator):
    """Rewrite partitions of versioned tables whose objects are far from the target size; rows and readers notice nothing.

    :param tables: the tables to look through; every versioned one without.
    """

    def __init__(self, *, tables: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tables = tables

    def step(self, context: "Context") -> dict[str, Any]:
        """Return how many partitions were rewritten, by table, and what others published meanwhile (for the next run)."""
        from lakeworks.contract import all_tables, load_contract
        from lakeworks.maintenance.compaction import compact_each, file_report

        lake, done = self.lake(), Counter[str]()
        overtaken: list[str] = []
        contracts = [load_contract(name) for name in self.tables or all_tables()]
        for contract in contracts if self.tables else [c for c in contracts if c.storage.layout == "versioned"]:
            reports = file_report(lake, contract)
            for report in reports:
                if report.verdict not in ("fine", "merge", "split"):
                    log.warning("%s %s is %s", contract.name, report.partition, report.verdict)
            for item in compact_each(lake, contract, [each for each in reports if each.needs_compaction]):
                if item.overtaken:
                    overtaken.append(f"{contract.name} {item.report.partition}")
                else:
                    done[contract.name] += 1
        return {"compacted": dict(done), "overtaken": overtaken}


class HoldReleasesOperator(LakeOperator):
    """Copy what releases name before the bucket deletes it. A version that is gone already fails the task."""

    def step(self, context: "Context") -> dict[str, Any]:
        """Return how many objects each release has, by what was done for them."""
        from lakeworks.releases.holding import hold_all

        held = hold_all(self.lake())
        faults = [f"release `{item.name}`: {fault}" for item in held for fault in item.faults]
        for fault in faults:
            log.warning("%s", fault)
        if faults:
            raise AirflowFailException(
                f"{len(faults)} publications of releases cannot be read any more, first {faults[0]}. The others are held. "
                f"Look: {self.command('release show')} <release>. Then drop the release, or restore the archived objects."
            )
        return {item.name: dict(Counter(outcome for outcome, _ in item.outcomes)) for item in held}


class GarbageOperator(LakeOperator):
    """Remove staging folders of dead attempts, superseded versions, abandoned uploads and ended dev lakes.

    :param older_than: younger objects may belong to a running attempt and stay.
    """

    def __init__(self, *, older_than: timedelta = timedelta(hours=24), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.older_than = older_than

    def step(self, context: "Context") -> dict[str, Any]:
        """Return what was removed, by kind."""
        from lakeworks.contract import all_tables, load_contract
        from lakeworks.dev.closing import drop_ended
        from lakeworks.maintenance import garbage_collection as garbage

        lake, tables = self.lake(), map(load_contract, all_tables())
        collected = garbage.collect(lake, tables, older_than=self.older_than, dry_run=False)
        ended = list(drop_ended(lake, dry_run=False))
        kinds = Counter(item.kind for item in collected) + Counter({"dev lake": len(ended)})
        return {
            "removed": dict(kinds),
            "objects": sum(i.objects for i in collected) + sum(i.objects for i in ended),
            "bytes": sum(i.bytes for i in collected) + sum(i.bytes for i in ended),
        }


def _reconciled(lake: "Lake", table: str, *, repair: bool) -> dict[str, Any]:
    from lakeworks.contract import load_contract
    from lakeworks.maintenance.catalog_difference import summarised
    from lakeworks.maintenance.catalog_repair import compare_catalog

    differences = summarised(compare_catalog(lake, load_contract(table), repair=repair))
    for text in differences["left"]:
        log.warning("%s %s", table, text)
    return {"table": table, **differences}
