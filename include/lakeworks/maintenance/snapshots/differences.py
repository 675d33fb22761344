"""Differences between the ledger and a table's Iceberg snapshots: a crash between the two, or a change of the contract."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.errors import LedgerCorrupt, TerminalError
from lakeworks.lake import Lake
from lakeworks.maintenance.catalog_difference import CatalogDifference, DifferenceKind
from lakeworks.pipeline.iceberg_snapshots import IcebergSnapshots, snapshots_of

log = logging.getLogger(__name__)


def compare_iceberg(
    lake: Lake, contract: Contract, patience: timedelta, *, repair: bool
) -> Iterator[CatalogDifference]:
    """Yield each difference between the snapshot that Glue names and what readers by ledger see.

    With `repair`, one new snapshot brings all partitions in line first. A publication younger than `patience` is no difference.
    """
    snapshots = snapshots_of(lake, contract)
    if snapshots is None:
        yield from _left(lake, contract)
        return
    try:
        differences = [item for item in _differences(snapshots) if not _is_young(lake, contract, item[1], patience)]
        if repair and differences:
            snapshots.repair()
    except LedgerCorrupt as error:  # the catalog's comparison names the partition
        log.warning("`%s`: its Iceberg table was not compared. %s", contract.name, error)
    except TerminalError as error:
        yield CatalogDifference("Iceberg cannot follow", Partition(), str(error))
    else:
        yield from (CatalogDifference(kind, partition, detail, repair) for kind, partition, detail in differences)


def _differences(snapshots: IcebergSnapshots) -> Iterator[tuple[DifferenceKind, Partition, str]]:
    table = snapshots.table
    current = table.current()  # before the ledger: a run that ends in between is no difference
    entries = snapshots.visible(None)
    if current is None:
        if entries:
            yield (
                "no Iceberg table",
                Partition(),
                f"{len(entries)} partitions are published, and Glue has no `{table.pointer.name}`",
            )
        return
    if table.is_behind_contract(current):
        yield "Iceberg behind contract", Partition(), "its schema or name mapping is not the contract's"
    for partition in table.behind(entries, current):
        entry = entries.get(partition)
        shown = (
            f"publication {entry.live_seq} is not in the current snapshot"
            if entry
            else "it is shown, but nothing is published"
        )
        yield "Iceberg behind ledger", partition, shown


def _is_young(lake: Lake, contract: Contract, partition: Partition, patience: timedelta) -> bool:
    """Return True if a process may be between a partition's publication and its snapshot."""
    newest = lake.ledger.latest(contract.table, partition) if patience else None
    began = next((item.modified for item in lake.store.scan(newest.entry.key)), None) if newest else None
    return began is not None and began > lake.store.now() - patience


def _left(lake: Lake, contract: Contract) -> Iterator[CatalogDifference]:
    """Yield a difference if a table whose contract asks for no snapshots has an Iceberg table from before."""
    if contract.storage.layout != "versioned":
        return
    name = IcebergSnapshots(lake, contract).name
    registered = lake.catalog.table(replace(contract.table, table=name))
    if registered and str(registered.get("Parameters", {}).get("table_type", "")).upper() == "ICEBERG":
        detail = (
            f"the contract has no `catalog.iceberg` any more, and Glue still has the Iceberg table `{name}`. Its last "
            "snapshot names objects that garbage collection removes. Drop it in Glue; no data is lost"
        )
        yield CatalogDifference("Iceberg table left", Partition(), detail)
