"""OpenLineage events of every publication: its inputs, its output, row counts, and the inputs of each column.

https://openlineage.io/docs/spec/object-model - a START when a publication begins and a COMPLETE or FAIL when it ends, under
one run id that a retry repeats. A lineage error never fails a run.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.contract import Contract
from lakeworks.core.layout import tenant_key
from lakeworks.core.names import TableName
from lakeworks.core.tenant import Tenant, database_of
from lakeworks.errors import ConfigError
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import MANIFEST, RunRecord
from lakeworks.transform.column_origins import column_lineage
from lakeworks.transform.sql import load_sql

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent

log = logging.getLogger(__name__)
PRODUCER = "https://github.com/lakeworks/lakeworks"
Emit = Callable[["RunEvent"], None]


def unheard(_: "RunEvent") -> None:
    """Ignore the event: no one listens."""


def emitter(url: str, folder: Path) -> Emit:
    """Return the function that sends events where a setting says.

    `off`, `file` (a JSON file an event, in `folder`), `file:<folder>`, `http(s)://...`, or `client`: the OpenLineage client's
    own configuration (`OPENLINEAGE_*`, openlineage.yml).

    Raises:
        ConfigError: it is none of these.
    """
    if url == "off":
        return unheard
    if not (url in ("file", "client") or url.startswith(("file:", "http://", "https://"))):
        raise ConfigError(f"LAKE_LINEAGE_URL is `{url}`: expected off, file, file:<folder>, http(s)://… or client.")

    def emit(event: "RunEvent") -> None:
        from openlineage.client import OpenLineageClient

        if url == "client":
            OpenLineageClient().emit(event)
            return
        transport: dict[str, Any]
        if url.startswith("http"):
            base, _, path = url.partition("/api/")
            # The client's own five attempts would delay every publication by half a minute while the server is down.
            once = {"retry": {"total": 1, "connect": 1, "read": 1, "backoff_factor": 0.1}, "timeout": 5.0}
            transport = {"type": "http", "url": base, **once, **({"endpoint": f"api/{path}"} if path else {})}
        else:
            target = Path(url.removeprefix("file").removeprefix(":") or folder)
            target.mkdir(parents=True, exist_ok=True)
            path = str(target / f"{event.job.name}.{event.run.runId[:8]}")
            transport = {"type": "file", "log_file_path": path, "append": False}
        OpenLineageClient(config={"transport": transport}).emit(event)

    return emit


@dataclass(frozen=True)
class _Written:
    """Return the facets of a publication's output."""

    version: str
    rows: int
    bytes: int
    objects: int


@dataclass(frozen=True)
class Lineage:
    """One lake's datasets and the target of its events."""

    namespace: str  # s3://<bucket>, as OpenLineage names S3 datasets
    emit: Emit
    load: Callable[[str], Contract]
    tenant: Tenant | None = None

    @contextmanager
    def reporting(self, contract: Contract, manifest: RunRecord) -> Iterator[None]:
        """Send the events of a publication: its start and its end."""
        self._tell("START", contract, manifest)
        try:
            yield
        except Exception as error:
            self._tell("FAIL", contract, manifest, str(error))
            raise
        self._tell("COMPLETE", contract, manifest)

    def restated(self, contract: Contract, entry: LedgerEntry, source: LedgerEntry) -> None:
        """Send the events of a publication without a build (rollback, compaction, withdrawal), with its source publication."""
        try:
            self.emit(self._restatement(contract, entry, source))
        except Exception as trouble:
            log.warning("lineage of the %s of %s was not sent: %s", entry.kind, entry.where, trouble)

    def rolled_forward(self, contract: Contract, entry: LedgerEntry) -> None:
        """Send the end of a publication that this process completed for another one, which may be dead."""
        try:
            self.emit(self._restatement(contract, entry, None))
        except Exception as trouble:
            log.warning("lineage of %s, rolled forward, was not sent: %s", entry.where, trouble)

    def _restatement(self, contract: Contract, entry: LedgerEntry, source: LedgerEntry | None) -> "RunEvent":
        from openlineage.client.event_v2 import InputDataset, Job, Run, RunEvent, RunState
        from openlineage.client.facet_v2 import dataset_version_dataset, sql_job

        place = entry.partition or "all"
        read = []
        if source:
            before = dataset_version_dataset.DatasetVersionDatasetFacet(f"{place}@{source.live_seq}")
            read.append(InputDataset(self.namespace, self._name(contract.name), facets={"version": before}))
        built = entry.kind == "publish"
        # A build's START was sent under its manifest's run id, with the inputs.
        run = f"{entry.staging}{MANIFEST}" if built and entry.staging else entry.key
        sql = load_sql(contract) if built else None
        written = _Written(f"{place}@{entry.live_seq}", entry.rows, entry.size, len(entry.objects))
        return RunEvent(
            eventType=RunState.COMPLETE,
            eventTime=datetime.now(UTC).isoformat(),
            run=Run(self._run_id(run)),
            job=Job(
                self.namespace,
                self._job(contract) if built else f"{self._job(contract)}.{entry.kind}",
                {"sql": sql_job.SQLJobFacet(sql)} if sql else {},
            ),
            inputs=read,
            outputs=[self._output(contract, written, sql)],
            producer=PRODUCER,
        )

    def _tell(self, kind: str, contract: Contract, manifest: RunRecord, error: str = "") -> None:
        try:
            self.emit(self.event(kind, contract, manifest, error))
        except Exception as trouble:  # a lineage server that is down must not stop a lake
            log.warning("lineage of %s %s was not sent: %s", manifest.table, manifest.period, trouble)

    def event(self, kind: str, contract: Contract, manifest: RunRecord, error: str = "") -> "RunEvent":
        """Return one OpenLineage event."""
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
        from openlineage.client.facet_v2 import RunFacet, error_message_run, nominal_time_run, sql_job

        period, sql = manifest.parsed_period, load_sql(contract)
        facets: dict[str, RunFacet] = {
            "nominalTime": nominal_time_run.NominalTimeRunFacet(period.start.isoformat(), period.end.isoformat())
        }
        if error:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(error, "python")
        return RunEvent(
            eventType=RunState[kind],
            eventTime=datetime.now(UTC).isoformat(),
            run=Run(self.run_id(manifest), facets),
            job=Job(
                self.namespace,
                self._job(contract),
                {"sql": sql_job.SQLJobFacet(sql)} if sql else {},
            ),
            inputs=list(self._inputs(manifest)),
            outputs=[self._output(contract, _built(manifest), sql)],
            producer=PRODUCER,
        )

    def run_id(self, manifest: RunRecord) -> str:
        """Return one id for all retries of an attempt's publication."""
        return self._run_id(manifest.key)

    def _run_id(self, key: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.namespace}/{tenant_key(self.tenant, key)}"))

    def _job(self, contract: Contract) -> str:
        return f"{contract.name}@{self.tenant}" if self.tenant else contract.name

    def _inputs(self, manifest: RunRecord) -> Iterator["InputDataset"]:
        from openlineage.client.event_v2 import InputDataset
        from openlineage.client.facet_v2 import dataset_version_dataset

        versions: dict[str, list[str]] = {}
        for item in manifest.inputs:
            version = f"{item.partition or 'all'}@{item.seq}" if item.seq else item.content[:16]
            versions.setdefault(self._name(item.name), []).append(version)
        for name, partitions in versions.items():
            facet = dataset_version_dataset.DatasetVersionDatasetFacet(",".join(partitions))
            yield InputDataset(self.namespace, name, facets={"version": facet})

    def _output(self, contract: Contract, written: "_Written", sql: str | None = None) -> "OutputDataset":
        from openlineage.client.event_v2 import OutputDataset
        from openlineage.client.facet_v2 import (
            dataset_version_dataset,
            output_statistics_output_dataset,
            schema_dataset,
            symlinks_dataset,
        )

        fields = [
            schema_dataset.SchemaDatasetFacetFields(name, str(column.type), column.description)
            for name, column in contract.columns.items()
        ]
        database = database_of(self.tenant, contract.table.database)
        glue = symlinks_dataset.Identifier("glue", f"{database}.{contract.table.table}", "TABLE")
        facets: dict[str, Any] = {
            "schema": schema_dataset.SchemaDatasetFacet(fields),
            "version": dataset_version_dataset.DatasetVersionDatasetFacet(written.version),
            "symlinks": symlinks_dataset.SymlinksDatasetFacet([glue]),
        }
        if sql is not None:
            facets["columnLineage"] = self._columns(contract, sql)
        statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=written.rows, size=written.bytes, fileCount=written.objects
        )
        return OutputDataset(self.namespace, self._name(contract.name), {"outputStatistics": statistics}, facets=facets)

    def _columns(self, contract: Contract, sql: str) -> Any:
        from openlineage.client.facet_v2 import column_lineage_dataset as facet

        return facet.ColumnLineageDatasetFacet(
            {
                column: facet.Fields(
                    [facet.InputField(self.namespace, self._name(table), name) for table, name in origins]
                )
                for column, origins in column_lineage(contract, sql, self.load).items()
                if origins
            }
        )

    def _name(self, item: str) -> str:
        """Return a table's path, or the folder of a landing object: one data set for any number of files."""
        name = item.rpartition("/year=")[0] or item.rpartition("/")[0] if "/" in item else TableName.parse(item).path
        return tenant_key(self.tenant, name)


def _built(manifest: RunRecord) -> _Written:
    objects = sum(len(item.objects) for item in manifest.partitions)
    return _Written(f"{manifest.period}/{manifest.run.key}", manifest.balance.staged, manifest.bytes, objects)
