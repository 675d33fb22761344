"""Check of a local file by a contract, before any byte is sent: it reports every row that breaks it, with its line."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from lakeworks.arrival.batch_conversion import BatchConversion
from lakeworks.arrival.drift import Drift
from lakeworks.arrival.extra_columns import ExtraColumns
from lakeworks.arrival.rejected_rows import Reasons, RejectedRows
from lakeworks.arrival.storable_split import storable_rows
from lakeworks.contract import Contract
from lakeworks.contract.storability import storage_rules
from lakeworks.core.file_selection import LocalFile
from lakeworks.engines.row_check import RowCheck
from lakeworks.errors import FileChanged, LakeError
from lakeworks.formats.compression import plain
from lakeworks.formats.failures import problem
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.protocols import format_of
from lakeworks.formats.raw_batch import RawBatch
from lakeworks.landing.readable_file import ReadableFile
from lakeworks.quality.rules import row_rules
from lakeworks.sources.files.file_source import CheckedFile, FileFacts
from lakeworks.transform.sql import load_sql

# Findings shown for one file; the others are counted.
MOST_FINDINGS = 1000
_BLOCK = 1 << 20
# Sentences about landing, which a check of local files does not touch.
_OF_LANDING = re.compile(
    r" Nothing was staged; live data is unchanged\."
    r"| (?:The file|It) stays in landing(?:; nothing was staged)?\."
    r"| Correct it at its source, then land the period again\."
)
Outcome = Literal["refused", "quarantined"]


@dataclass(frozen=True)
class Finding:
    """One row, or the whole file, that breaks the contract."""

    file: str
    place: str  # `line 3`, `row 7`; empty for the whole file
    column: str
    rule: str
    says: str
    outcome: Outcome


@dataclass
class FileCheck:
    """The content of a file and the parts of it that break the contract; a file with a refused finding is not loaded."""

    file: LocalFile
    rows: int = 0
    size: int = 0
    sha256: str = ""
    content: str = ""
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[Outcome] = field(default_factory=Counter)
    first_refused: Finding | None = None
    drift: tuple[str, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Return True if it cannot be loaded."""
        return self.counts["refused"] > 0

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it if it is among the first."""
        self.counts[finding.outcome] += 1
        if finding.outcome == "refused" and self.first_refused is None:
            self.first_refused = finding
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)

    def as_checked(self) -> CheckedFile:
        """Return it as a file that can be landed."""
        described = FileFacts(
            self.file.path.absolute().as_uri(), datetime.now(UTC), self.sha256, self.content, self.size, self.rows
        )
        return CheckedFile(self.file.name, self.file.path, described)


def check_file(
    contract: Contract, file: LocalFile, options: FormatOptions, seen: Callable[[int], None] | None = None
) -> FileCheck:
    """Read a file to its end by the contract; needs no lake.

    Every value must reach the column's type without loss, every row keep the contract's row rules and be storable.
    `seen` is called with the number of bytes read.

    Raises:
        FileChanged: it was written meanwhile.
        ConfigError, ContractError: the contract or its rules are wrong.
    """
    check = FileCheck(file)
    before = file.path.stat()
    check.size, check.sha256 = before.st_size, _digest(file.path, None, seen)
    try:
        kind = format_of(file.name, options)
        check.content = _digest(file.path, kind.compression) if kind.compression else check.sha256
        _read(contract, check, options)
    except LakeError as error:
        check.add(Finding(file.name, "", "", type(error).__name__, _of_this_machine(str(error)), "refused"))
    except Exception as error:  # the finding names the file, whatever its bytes are
        check.add(Finding(file.name, "", "", "format", f"cannot be read: {problem(error)}", "refused"))
    after = file.path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise FileChanged(
            f"`{file.path}` changed while it was read. Nothing was loaded. Wait until the program that writes it has ended, "
            "then run again."
        )
    if not check.rows and not check.findings:
        check.add(Finding(file.name, "", "", "empty", "has no rows", "refused"))
    return check


def _read(contract: Contract, check: FileCheck, options: FormatOptions) -> None:
    constants = lineage(contract, check.file.name, options)
    source = ReadableFile(check.file.path, check.file.name, constants, options)
    if load_sql(contract) is not None:  # its SQL reads the raw file, so no more can be checked before it runs
        check.rows = sum(batch.rows for batch in source.batches())
        return
    reading = _ContractReading(contract, check)
    for batch in source.batches():
        reading.take(batch, constants)
    reading.finish(constants)


def lineage(contract: Contract, name: str, options: FormatOptions) -> Mapping[str, Any]:
    """Return the columns that the lake fills itself, with values for the check of the others."""
    values = {"_ingested_at": datetime(2000, 1, 1), "_source_url": name, "_run_id": "check"}
    of_binary = {"file_name": name} if options.format == "binary" else {}
    return {key: value for key, value in {**values, **of_binary}.items() if key in contract.columns}


class _ContractReading:
    """Batches of one file, one after the other, by the contract."""

    def __init__(self, contract: Contract, check: FileCheck) -> None:
        self._contract, self._found = contract, check
        self._drift = Drift(contract)
        self._sorts = contract.schema_policy == "quarantine_unknown"
        self._misfits = _Misfits(check, "quarantined" if self._sorts else "refused")
        extras = ExtraColumns(contract, self._drift, dict, keeps=not self._sorts)
        self._conversion = BatchConversion(contract, self._drift, extras, self._misfits, rejects_unknown=self._sorts)
        self._unstorable = _Misfits(check, "quarantined")
        storable = {rule.name for rule in storage_rules(contract)}  # quarantine handles these, here and in a run
        self._rules = RowCheck(contract.name, [rule for rule in row_rules(contract) if rule.name not in storable])
        self._last: RawBatch | None = None

    def take(self, batch: RawBatch, constants: Mapping[str, Any]) -> None:
        self._conversion.begin(self._found.file.name, constants, batch)
        self._found.rows += batch.rows
        if not batch.rows:
            return
        self._misfits.places = frozenset()
        rows = self._conversion.convert(self._found.file.name, constants, batch)
        misfits = self._misfits.places
        left = [place for place in range(batch.rows) if place not in misfits] if misfits else range(batch.rows)
        for place, broken in self._rules.broken(rows):
            for rule in broken:
                where, says = batch.place(left[place]), rule.reason
                self._found.add(Finding(self._found.file.name, where, _column(says), rule.name, says, "refused"))
        self._unstorable.origin = (batch, left)
        for _ in storable_rows(
            pa.RecordBatchReader.from_batches(rows.schema, [rows]), self._contract, self._unstorable
        ):
            pass

    def finish(self, constants: Mapping[str, Any]) -> None:
        self._conversion.finish(self._found.file.name, constants)
        self._found.drift = self._drift.noted


class _Misfits(RejectedRows):
    """Note rejected rows instead of keeping them."""

    def __init__(self, check: FileCheck, outcome: Outcome) -> None:
        super().__init__(keep=lambda _: None)
        self._found, self._outcome = check, outcome
        self.places: frozenset[int] = frozenset()
        self.origin: tuple[RawBatch, Sequence[int]] | None = None

    def quarantine(self, batch: RawBatch, reasons: Reasons) -> None:
        """See `RejectedRows`."""
        self.places = frozenset(reasons)
        source, places = self.origin or (batch, range(batch.rows))
        for place in sorted(reasons):
            where = source.place(places[place])
            for rule, says in reasons[place]:
                self._found.add(Finding(self._found.file.name, where, _column(says), rule, says, self._outcome))


def _column(says: str) -> str:
    parts = says.split("`")
    return parts[1] if len(parts) > 2 else ""


def _of_this_machine(text: str) -> str:
    """Return an arrival's message without its part about landing: nothing was sent yet."""
    return _OF_LANDING.sub("", text)


def _digest(path: Path, compression: str | None, seen: Callable[[int], None] | None = None) -> str:
    """Return the SHA-256 of a file's plain bytes. It also ends for a file that grows during the read."""
    digest, left = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as file:
        stream = plain(file, compression)
        while block := stream.read(_BLOCK):
            digest.update(block)
            left -= len(block)
            if left < 0 and compression is None:
                break  # its times show that it changed
            if seen:
                seen(len(block))
    return digest.hexdigest()
