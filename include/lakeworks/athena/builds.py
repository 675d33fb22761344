"""Athena builds a table's rows: one UNLOAD of the rendered SQL into fresh staging.

UNLOAD, not CTAS: a work group whose settings are enforced decides where CTAS writes, and CTAS leaves a table in Glue. The files
are not partitioned, so the limit of 100 partitions a statement does not apply: the lake cuts the rows itself.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lakeworks.athena.executions import QueryExecutions
from lakeworks.athena.statement import LONGEST_BYTES, AthenaStatement
from lakeworks.aws_errors import translated
from lakeworks.errors import ContractError, LakeError
from lakeworks.ledger.build_plan import BuildEnd, BuildPlan, BuiltFile, BuiltRows, EngineName
from lakeworks.s3.object_store import ObjectStore


@dataclass(frozen=True)
class AthenaBuilds:
    """Builds in one work group."""

    queries: QueryExecutions
    name: EngineName = field(default="athena", init=False)
    detached: bool = field(default=True, init=False)
    keeps_microseconds: bool = field(default=False, init=False)

    def start(self, plan: BuildPlan, store: ObjectStore) -> str:
        """Start the query. A repeated start of one attempt gets the same query.

        Raises:
            ContractError: the text is longer than Athena takes.
            QueryFailed: Athena refuses it.
        """
        address = store.uri(plan.output).replace("'", "''")
        text = f"UNLOAD (\n{plan.sql}\n) TO '{address}' WITH (format = 'PARQUET', compression = 'SNAPPY')"
        if len(text.encode()) > LONGEST_BYTES:
            raise ContractError(
                f"{plan.where}: the SQL with its partitions has more than {LONGEST_BYTES:,} bytes, Athena's limit. Nothing was "
                "built. Run a shorter period, or partition the inputs more coarsely."
            )
        return self.queries.start(AthenaStatement(text), plan.prefix)

    def ended(self, build: str, plan: BuildPlan, store: ObjectStore) -> BuildEnd | None:
        """Return the end of a query; None while it runs."""
        end = self.queries.ended(build)
        if end is None:
            return None
        try:
            self.queries.check(end, AthenaStatement(""))
        except LakeError as error:
            return BuildEnd(error)
        return BuildEnd()

    def stop(self, build: str) -> None:
        """Stop the query, unless it has ended."""
        self.queries.stop(build)

    def built(self, build: str, plan: BuildPlan, store: ObjectStore) -> BuiltRows:
        """Return the files that Athena's own manifest of the query names."""
        manifest = self.queries.data_manifest(build)
        names = _names(manifest, store.uri(plan.output), store) if manifest else []
        return BuiltRows(files=tuple(BuiltFile(name=name) for name in names), engine="athena")


def _names(manifest: str, output: str, store: ObjectStore) -> list[str]:
    place = urlsplit(manifest)
    with translated("read", manifest):
        answer = store.client.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
        lines = answer["Body"].read().decode().splitlines()
    return [line.strip().strip('"').removeprefix(output) for line in lines if line.strip()]
