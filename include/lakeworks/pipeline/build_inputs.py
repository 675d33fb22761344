"""Inputs of a build on another engine: pinned in a plan, and compared with what is live before and after the build.

Spark and Athena read keys, not versions. An object that is still the pinned one after the build was it all the time, because a
later publication puts another version there.
"""

from lakeworks.athena.build_source import source_select
from lakeworks.core.hive import HIVE_NULL
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.engines.build_sql import quoted
from lakeworks.errors import ContractError, LakeNotFound, StaleBuild
from lakeworks.lake import Lake
from lakeworks.ledger.build_plan import BuildPlan, EngineName, PlannedInput, PlannedPartition
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.run_record import Run
from lakeworks.parquet.dataset import open_dataset
from lakeworks.pipeline.inputs import UpstreamRows
from lakeworks.pipeline.run_inputs import RunInputs
from lakeworks.s3.object_store import SHA256
from lakeworks.transform.engine_sql import athena_sql, columns_named, spark_sql
from lakeworks.transform.sql import bind

_NEXT = "Nothing was published; live data is unchanged. Airflow retries from the newer publication."


def plan_of(inputs: RunInputs, run: Run, engine: EngineName) -> BuildPlan:
    """Return the plan of a run's build. Equal publications give equal plans."""
    planned = {name: _planned(name, source) for name, source in inputs.sources.items()}
    bound = bind(inputs.sql, inputs.period)
    if engine == "spark":
        text = spark_sql(bound, {name: one.view for name, one in planned.items()})
    else:
        text = athena_sql(bound, {name: source_select(one, inputs.lake.tenant) for name, one in planned.items()})
    return BuildPlan(
        table=inputs.contract.name,
        period=str(inputs.period),
        run=run,
        engine=engine,
        sql=text,
        inputs=tuple(planned.values()),
    )


def _planned(name: TableName, source: UpstreamRows) -> PlannedInput:
    return PlannedInput(
        name=str(name),
        view=_view(name),
        columns={column: item.type.glue for column, item in source.contract.columns.items()},
        path_columns=source.contract.identity_columns,
        partitions=tuple(_pinned(partition, source.live[partition]) for partition in sorted(source.live)),
    )


def _pinned(partition: Partition, entry: LedgerEntry) -> PlannedPartition:
    return PlannedPartition(
        partition=partition.path,
        seq=entry.live_seq,
        content=entry.content,
        schema_fingerprint=entry.schema_fingerprint,
        layout=entry.layout,
        location=entry.location,
        objects=entry.objects,
    )


def _view(name: TableName) -> str:
    return f"{name.database}__{name.table}"


def check_inputs(lake: Lake, plan: BuildPlan) -> None:
    """Require that every planned object is the one at its key, and for Athena that Glue points to each planned partition.

    Raises:
        StaleBuild: an input was published again, or is being published.
        LakeNotFound: Glue does not know a partition, so Athena would lose its rows.
    """
    planned = [
        (one.name, part, item)
        for one in plan.inputs
        for part in one.partitions
        if part.layout == "plain"  # objects of a versioned table never change
        for item in part.objects
    ]

    def is_live(place: tuple[str, PlannedPartition, LiveObject]) -> bool:
        item = place[2]
        live = lake.store.head(item.key)
        return live is not None and (live.version_id == item.version_id or live.metadata.get(SHA256) == item.sha256)

    for (name, part, _), same in zip(planned, lake.store.map(is_live, planned), strict=True):
        if not same:
            raise changed(plan, f"`{name}` {part.parsed}")
    if plan.engine == "athena":
        for one in plan.inputs:
            _check_catalog(lake, plan, one)


def _check_catalog(lake: Lake, plan: BuildPlan, table: PlannedInput) -> None:
    contract = lake.contract(table.name)
    if not contract.partition_keys or contract.projected:
        return
    places = {
        tuple(item["Values"]): item["StorageDescriptor"]["Location"].rstrip("/")
        for item in (lake.catalog.partitions(contract) if table.partitions else ())
    }
    for part in table.partitions:
        values = tuple(HIVE_NULL if value is None else value for _, value in part.parsed.pairs)
        if values not in places:
            raise LakeNotFound(
                f"{plan.where}: Glue does not have `{table.name}` {part.parsed}, so Athena would lose its rows. Nothing was "
                f"built; live data is unchanged. Run: lakeworks catalog repair {table.name}"
            )
        if places[values] != lake.store.uri(part.location).rstrip("/"):
            raise changed(plan, f"`{table.name}` {part.parsed}")


def changed(plan: BuildPlan, what: str) -> StaleBuild:
    """Return the error of a build whose input was published again."""
    return StaleBuild(f"{plan.where}: {what} was published while {plan.engine} read it. {_NEXT}")


def check_milliseconds(inputs: RunInputs) -> None:
    """Require that the timestamps which the SQL reads have no microseconds: Athena reads milliseconds.

    Only the timestamp columns are read, here.

    Raises:
        ContractError: a column has microseconds, or timestamps inside lists, structs or maps.
    """
    named = columns_named(inputs.sql)
    for name, source in inputs.sources.items():
        kinds = {
            column: one.type for column, one in source.contract.file_columns.items() if "timestamp" in str(one.type)
        }
        read = {column: kind for column, kind in kinds.items() if named is None or column.lower() in named}
        if not read or not source.live:
            continue
        nested = next((column for column, kind in read.items() if kind.kind != "timestamp"), None)
        if lossy := nested or _with_microseconds(inputs.lake, source, list(read)):
            raise ContractError(
                f"`{inputs.contract.name}`: `{name}.{lossy}` has microseconds, and Athena reads timestamps in milliseconds. "
                "Nothing was built; live data is unchanged. Use `engine: duckdb` or `engine: spark`, or store whole "
                "milliseconds."
            )


def _with_microseconds(lake: Lake, source: UpstreamRows, columns: list[str]) -> str | None:
    counts = ", ".join(f"count(*) FILTER (epoch_us({quoted(name)}) % 1000 <> 0) AS {quoted(name)}" for name in columns)
    with lake.engine.session() as session:
        session.attach("source", open_dataset(lake.store, source.contract, source.live.values()))
        (row,) = session.query(f"SELECT {counts} FROM source").to_pylist()
    return next((name for name in columns if row[name]), None)
