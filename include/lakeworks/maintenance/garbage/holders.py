"""Documents that hold versions: run numbers, releases and pins. None for one that does not parse: then nothing goes."""

import logging
from collections.abc import Mapping, Set

from lakeworks.branches.pins import pinned_numbers
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.run_numbers import RunNumbers, RunRegister
from lakeworks.releases.holding import named_keys

log = logging.getLogger(__name__)


def run_numbers(lake: Lake, table: TableName) -> RunNumbers | None:
    """Return which runs are whole; None if that cannot be read. Then nothing of the table is garbage."""
    try:
        return RunRegister(lake.store).read(table)
    except LedgerCorrupt as error:
        log.warning("Nothing of `%s` is collected: %s", table, error)
        return None


def released_keys(lake: Lake) -> Set[str] | None:
    """Return the keys that releases name; None if that cannot be read. Then no version is garbage."""
    try:
        return named_keys(lake)
    except LedgerCorrupt as error:
        log.warning("No superseded version is collected: %s", error)
        return None


def pins_of(lake: Lake, table: TableName) -> Mapping[Partition, Set[int]] | None:
    """Return the publications that dev lakes read; None if that cannot be read. Then no version of the table is garbage."""
    try:
        return pinned_numbers(lake.store, table)
    except LedgerCorrupt as error:
        log.warning("No superseded version of `%s` is collected: %s", table, error)
        return None
