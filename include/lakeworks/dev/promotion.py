"""Promotion: publish in the live lake the very objects that a dev lake audited. Nothing is built or audited a second time.

The live publisher places each object and checks its content hash. Its condition is that the dev lake was built over the live
publication. Every step can be repeated, by any process: the document names the run, and the ledger names the live publications.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lakeworks.branches.document import DevDocument, DevRegister, StoredDevLake
from lakeworks.contract import Contract
from lakeworks.core.layout import live_prefix, part_name, versions_prefix
from lakeworks.core.partition import Partition
from lakeworks.core.types import LakeType
from lakeworks.dev.promotable import Promotable
from lakeworks.dev.refused_promotion import by_kind, end_refused
from lakeworks.errors import LakeNotFound, PromotionRefused
from lakeworks.lake import Lake
from lakeworks.ledger.code_record import load_code_record
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import Run, RunRecord, followed_inputs
from lakeworks.pipeline import contract_history as contracts_of
from lakeworks.pipeline.registration import publisher_of

log = logging.getLogger(__name__)
_NAMED = 5


@dataclass(frozen=True)
class PromotedPartition:
    """One partition: the dev lake's publication, and the live one that it became."""

    table: str
    partition: str
    dev: int
    live: int | None
    outcome: str
    rows: int


def promote(
    lake: Lake,
    name: str,
    contracts: Sequence[Contract],
    *,
    dry_run: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
) -> list[PromotedPartition]:
    """Promote a dev lake, upstream tables first. A promotion that was killed continues when it is repeated.

    Raises:
        ConfigError: there is no such dev lake, or its life has ended.
        PromotionRefused: live moved on, or the code is another; nothing was changed, or the message says what was promoted.
        ContractError: a contract breaks readers of what is live without a new major version; nothing was changed.
        LostRace: another writer was faster; run again.
    """
    lake.for_dev(name)
    register = DevRegister(lake.store)
    stored = register.read(name)
    pending = Promotable(lake, stored.document, contracts)
    try:
        return _promote(register, stored, pending, dry_run=dry_run, on_step=on_step)
    except PromotionRefused:
        current = register.read(name)
        end_refused(pending, current.document.promotion)
        _end(register, current)
        raise


def _promote(
    register: DevRegister, stored: StoredDevLake, pending: Promotable, *, dry_run: bool, on_step: Callable[[str], None]
) -> list[PromotedPartition]:
    lake = pending.lake
    _refuse(pending, list(pending.entries), [])
    for table in pending.entries:
        contracts_of.admit(lake, lake.contract(table))
    if dry_run or not pending.entries:
        return [
            _outcome(entry, None, "would promote") for entries in pending.entries.values() for entry in entries.values()
        ]
    stored = _begin(register, stored)
    promoted: list[PromotedPartition] = []
    for number, table in enumerate(pending.entries):
        on_step(table)
        if number:  # other tables took a while: look again before the next one
            _refuse(pending, [table], promoted)
        promoted += _Promotion(pending, stored.document).publish(lake.contract(table))
    _end(register, stored, promoted_at=datetime.now(UTC))
    return promoted


def _end(register: DevRegister, stored: StoredDevLake, **update: Any) -> None:
    """Take the promotion's run out of the document: it ended, or was refused and has to be built again first."""
    if stored.document.promotion:
        ended = {"promotion": "", "promotion_began": None, **update}
        register.replace(stored, stored.document.model_copy(update=ended))


def _begin(register: DevRegister, stored: StoredDevLake) -> StoredDevLake:
    """Name the promotion's run in the document, or go on with the one that is named there."""
    if stored.document.promotion:
        return stored
    now = datetime.now(UTC)
    run = f"promote-{stored.document.name}__{now:%Y%m%dT%H%M%S.%f}"
    return register.replace(stored, stored.document.model_copy(update={"promotion": run, "promotion_began": now}))


def _refuse(pending: Promotable, tables: Sequence[str], promoted: Sequence[PromotedPartition]) -> None:
    obstacles = [item for table in tables for item in pending.obstacles(table)]
    if not obstacles:
        return
    first = "; ".join(f"`{item.table}` {item.partition}: {item.why}" for item in obstacles[:_NAMED])
    done = sorted({item.table for item in promoted})
    state = f"Promoted before this: {', '.join(done)}; they stay live." if done else "Nothing was changed."
    name, follow = pending.document.name, pending.document.follow
    again = "" if follow else f"lakeworks dev refresh {name}, then "
    raise PromotionRefused(
        f"Dev lake `{name}` cannot be promoted: {len(obstacles)} partitions have to be built again. {first}. {state} Next: "
        f"{again}lakeworks dev build {name}, look at lakeworks dev diff {name}, and promote again."
    )


@dataclass
class _Promotion:
    """One promotion's run over one table."""

    pending: Promotable
    document: DevDocument
    _live_numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def lake(self) -> Lake:
        return self.pending.lake

    @property
    def run(self) -> Run:
        return Run(id=self.document.promotion, started_at=self.document.promotion_began or self.document.created_at)

    def publish(self, contract: Contract) -> list[PromotedPartition]:
        """Publish a table's partitions as one run, after what belongs to them: code, quarantined rows, audit pages."""
        entries = list(self.pending.entries[contract.name].values())
        records = {entry.run_record: self.pending.record(entry) for entry in entries}
        known = [record for record in records.values() if record]
        for code in sorted({entry.code for entry in entries if entry.code}):
            if text := load_code_record(self.pending.dev.store, contract.table, code):
                text.save(self.lake.store)
        for record in known:
            self._copy_beside(record)
        extra = {column.name: LakeType.parse(column.type) for record in known for column in record.extra_columns}
        publisher = publisher_of(self.lake, contract, extra.items())
        done: list[LedgerEntry] = []
        for group in by_kind(entries):
            done += publisher.publish([self._live_entry(contract, entry, records[entry.run_record]) for entry in group])
        contracts_of.record(self.lake, contract)
        for record in known:
            self._save(record)
        pairs = zip([entry for group in by_kind(entries) for entry in group], done, strict=True)
        return [_outcome(entry, live, live.state) for entry, live in pairs]

    def _live_entry(self, contract: Contract, entry: LedgerEntry, record: RunRecord | None) -> LedgerEntry:
        partition, branch = entry.parsed, self.document.branch
        location = live_prefix(contract.table, partition)
        if entry.layout == "versioned":
            location = versions_prefix(contract.table, self.run.key, partition)
        objects = tuple(
            item.model_copy(
                update={
                    "key": location + part_name(number),
                    "source_key": branch.key(item.key),
                    "source_version": item.version_id,
                    "version_id": None,
                    "upload": None,
                }
            )
            for number, item in enumerate(entry.objects)
        )
        update: dict[str, Any] = {
            "seq": 1,
            "live_seq": 1,
            "state": "publishing",
            "kind": "publish" if objects else "withdrawal",
            "run": self.run,
            "ticket": None,
            "based_on": entry.base,
            "base": None,
            "promoted_from": self.pending.source_of(entry),
            "objects": objects,
            "surplus": (),
            "location": location,
            "staging": "",
            "inputs": self._inputs(record) if record else entry.inputs,
        }
        return entry.model_copy(update=update)

    def _inputs(self, record: RunRecord) -> str:
        """Return the fingerprint of a run's inputs by their live numbers: `status` compares it with what is live."""
        return followed_inputs(self._live_record(record).inputs)

    def _live_record(self, record: RunRecord) -> RunRecord:
        inputs = tuple(
            item if item.seq is None else item.model_copy(update={"seq": self._live_number(item.name, item.partition)})
            for item in record.inputs
        )
        return record.model_copy(update={"inputs": inputs})

    def _live_number(self, table: str, path: str) -> int:
        if (table, path) not in self._live_numbers:
            live = self.lake.ledger.live(self.lake.contract(table).table, Partition.parse(path))
            self._live_numbers[table, path] = live.live_seq if live else 0
        return self._live_numbers[table, path]

    def _save(self, record: RunRecord) -> None:
        self.lake.store.put(record.run_key, self._live_record(record).model_dump_json(indent=1).encode())

    def _copy_beside(self, record: RunRecord) -> None:
        """Copy quarantined rows and audit pages: they outlive the dev lake."""
        page = str((record.audit or {}).get("report") or "")
        keys = [page, f"{page.removesuffix('html')}json"] if page else []
        for key in [*keys, *([record.quarantine.key] if record.quarantine else [])]:
            try:
                body, _ = self.pending.dev.store.get(key)
            except LakeNotFound:
                log.warning("`%s` of dev lake %s is gone, and is not copied", key, self.document.name)
                continue
            self.lake.store.put(key, body)


def _outcome(entry: LedgerEntry, live: LedgerEntry | None, outcome: str) -> PromotedPartition:
    return PromotedPartition(
        entry.table, str(entry.parsed), entry.live_seq, live.live_seq if live else None, outcome, entry.rows
    )
