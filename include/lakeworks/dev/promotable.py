"""The publications that a dev lake can promote, the newest of each partition, and the obstacles to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lakeworks.branches.document import DevDocument
from lakeworks.branches.overlay import LAST_OF_PARENT
from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.dev.scope import in_order, overlay_of
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import Input, RunRecord, load_run_record
from lakeworks.pipeline.inputs import live_input
from lakeworks.transform.fingerprints import CodeFingerprint, code_fingerprint
from lakeworks.transform.sql import load_sql, upstream


@dataclass(frozen=True)
class Obstacle:
    """A reason not to promote one partition."""

    table: str
    partition: str
    why: str


@dataclass
class Promotable:
    """The newest publications of a dev lake's own, by table, upstream tables first."""

    lake: Lake
    document: DevDocument
    contracts: Sequence[Contract]
    _records: dict[str, RunRecord | None] = field(default_factory=dict)

    @cached_property
    def dev(self) -> Lake:
        """The dev lake."""
        return self.lake.over(self.document)

    @cached_property
    def entries(self) -> Mapping[str, Mapping[Partition, LedgerEntry]]:
        """The publications of the tables that it changed.

        Partitions that it built with the rows that are live are confirmed beside the others: an older live run that is late
        would publish rows there that no run of the promoted code made.
        """
        ledger = overlay_of(self.dev)
        own: dict[str, dict[Partition, LedgerEntry]] = {}
        for contract in in_order(self.lake, self.contracts):
            newest = (
                (partition, ledger.newest(contract.table, partition, numbers))
                for partition, numbers in ledger.own(contract.table).items()
            )
            entries = {partition: stored.entry for partition, stored in newest if stored}
            if any(entry.live_seq > LAST_OF_PARENT for entry in entries.values()):
                own[contract.name] = entries
        return own

    def source_of(self, entry: LedgerEntry) -> str:
        """Return the name of a publication of the dev lake, as the live ledger gives it."""
        return f"{self.document.name}.{self.document.token}/{entry.live_seq}"

    def live(self, entry: LedgerEntry) -> LedgerEntry | None:
        """Return the newest complete publication of the live lake in a partition, withdrawals included."""
        newest = self.lake.ledger.newest(self._contract(entry.table).table, entry.parsed)
        return newest.entry if newest else None

    def is_promoted(self, entry: LedgerEntry) -> bool:
        """Return True if a publication of the dev lake is live."""
        live = self.live(entry)
        return live is not None and live.promoted_from == self.source_of(entry)

    def record(self, entry: LedgerEntry) -> RunRecord | None:
        """Return the record of the run that built a publication; None for an act by hand."""
        if entry.run_record not in self._records:
            try:
                record = load_run_record(self.dev.store, entry.run_record) if entry.run_record else None
            except LakeNotFound:
                record = None
            self._records[entry.run_record] = record
        return self._records[entry.run_record]

    def obstacles(self, table: str) -> Iterator[Obstacle]:
        """Yield what speaks against each publication of a table that is not promoted yet."""
        contract = self._contract(table)
        code = code_fingerprint(contract, self.lake.contract)
        for partition, entry in self.entries[table].items():
            if not self.is_promoted(entry) and (why := self._obstacle(contract, entry, code)):
                yield Obstacle(table, str(partition), why)

    def _obstacle(self, contract: Contract, entry: LedgerEntry, code: CodeFingerprint) -> str:
        live = self.live(entry)
        number = live.live_seq if live and live.objects else 0
        if number != entry.base:
            return f"publication {number} is live there, and {entry.base} was when the dev lake published"
        if entry.kind == "publish" and not (entry.audit or {}).get("passed"):
            return "it has not passed an audit"
        if entry.code and not code.made(entry.code):
            return "other code than the project's built it"
        record = self.record(entry)
        if record is None:
            return "the record of its run is gone" if entry.kind == "publish" else ""
        return next(self._moved_inputs(contract, record), "")

    def _moved_inputs(self, contract: Contract, record: RunRecord) -> Iterator[str]:
        """Yield the inputs of a run that it would read otherwise now: from live, and from what is promoted with it."""
        read: dict[str, dict[str, Input]] = {}
        for item in record.inputs:
            if item.seq is not None:
                read.setdefault(item.name, {})[item.partition] = item
        sql = load_sql(contract)
        for name in upstream(sql) if sql else ():
            if name == contract.table:  # its own earlier rows
                continue
            source, own = self.lake.contract(str(name)), self.entries.get(str(name), {})
            before = read.get(source.name, {})
            if record.touched is None:
                entries = live_input(self.lake, contract, record.parsed_period, source)
            else:  # a run of late data says which partitions it read
                entries = self._live_of(source, before)
            now = {part.path: entry.content for part, entry in entries.items()}
            now |= {part.path: entry.content for part, entry in own.items() if part.path in before}
            for path in sorted({*before, *now}):
                if path not in before:
                    yield f"`{source.name}` {path or 'all'} was published since"
                elif now.get(path) != before[path].content:
                    yield f"`{source.name}` {path or 'all'} has other rows now"

    def _live_of(self, source: Contract, paths: Mapping[str, Input]) -> dict[Partition, LedgerEntry]:
        entries = {part: self.lake.ledger.live(source.table, part) for part in map(Partition.parse, paths)}
        return {part: entry for part, entry in entries.items() if entry}

    def _contract(self, table: str) -> Contract:
        return self.lake.contract(table)
