"""Inputs of an earlier publication by the numbers that are live now, where they have the same content again.

`status` compares numbers. A rollback of several tables gives each input a new one, with the rows that the publication was
built from.
"""

import logging
from dataclasses import dataclass, field

from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound, LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import Input, followed_inputs, load_run_record

log = logging.getLogger(__name__)


@dataclass
class PresentInputs:
    """Live publications of the inputs of earlier ones. Each input is read once."""

    lake: Lake
    _live: dict[tuple[str, str], LedgerEntry | None] = field(default_factory=dict)
    _of_run: dict[str, str] = field(default_factory=dict)

    def of(self, entry: LedgerEntry) -> str:
        """Return the fingerprint of the inputs of a publication; as it was, if its run record cannot be read."""
        if not entry.run_record:
            return entry.inputs
        if entry.run_record not in self._of_run:
            self._of_run[entry.run_record] = self._read(entry)
        return self._of_run[entry.run_record]

    def _read(self, entry: LedgerEntry) -> str:
        try:
            inputs = load_run_record(self.lake.store, entry.run_record).inputs
        except (LakeNotFound, LedgerCorrupt) as error:
            log.warning("%s: its inputs stay as they were recorded: %s", entry.where, error)
            return entry.inputs
        return followed_inputs(map(self._present, inputs))

    def _present(self, item: Input) -> Input:
        if item.seq is None:
            return item
        live = self._live_of(item)
        return item.model_copy(update={"seq": live.live_seq}) if live and live.content == item.content else item

    def _live_of(self, item: Input) -> LedgerEntry | None:
        place = (item.name, item.partition)
        if place not in self._live:
            self._live[place] = self.lake.ledger.live(TableName.parse(item.name), Partition.parse(item.partition))
        return self._live[place]
