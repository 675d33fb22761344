"""Builds on another engine: it runs a transform's SQL over pinned inputs, and this lake does everything that follows.

The engine writes plain rows into the attempt's staging. Row rules, deduplication, masking, order and bytes are the lake's own.
So equal rows are recognized as unchanged, whatever engine built them (docs/adr/0026-engines-build-rows.md).
"""

import logging
import time
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.errors import EngineFailed, LakeNotFound, TransientError
from lakeworks.lake import Lake
from lakeworks.ledger.build_plan import PLAN, BuildEnd, BuildPlan, BuiltRows, RemoteEngine
from lakeworks.ledger.run_record import StagedObject
from lakeworks.parquet.pinned_file import ObjectCache, PinnedObject
from lakeworks.pipeline.build_inputs import check_inputs

log = logging.getLogger(__name__)
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_MOST_UNSEEN = 20  # looks in a row, two minutes
_BATCH_ROWS = 100_000


def begin(lake: Lake, engine: RemoteEngine, plan: BuildPlan) -> str:
    """Start a build in fresh staging and return its id. Builds and files of earlier attempts of the run are removed.

    Raises:
        StaleBuild: an input is being published right now.
    """
    remove_earlier(lake, engine, plan)
    check_inputs(lake, plan)
    plan.save(lake.store)
    build = engine.start(plan, lake.store)
    lake.store.put(_build_key(plan.prefix), build.encode())
    log.info("%s %s: %s builds it as %s", plan.table, plan.period, plan.engine, build)
    return build


def wait(
    lake: Lake, engine: RemoteEngine, plan: BuildPlan, build: str, sleep: Callable[[float], None] = time.sleep
) -> BuildEnd:
    """Return the end of a build. If the wait is interrupted, or the build cannot be seen any more, it is stopped."""
    pause, unseen = _SHORTEST_PAUSE, 0
    try:
        while True:
            try:
                if end := engine.ended(build, plan, lake.store):
                    return end
                unseen = 0
            except TransientError as error:  # the build goes on whether it is seen or not
                unseen += 1
                if unseen > _MOST_UNSEEN:
                    raise
                log.warning("build %s: %s", build, error)
            sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
    except BaseException:
        engine.stop(build)
        raise


def started(lake: Lake, prefix: str) -> str | None:
    """Return the id of the build that an attempt started; None if it started none."""
    try:
        body, _ = lake.store.get(_build_key(prefix))
    except LakeNotFound:
        return None
    return body.decode()


def remove_earlier(lake: Lake, engine: RemoteEngine, plan: BuildPlan) -> None:
    """Stop the builds of the run's earlier attempts, and remove what they wrote. Airflow runs one attempt at a time."""
    attempts = f"{plan.prefix.removesuffix('/').rpartition('.')[0]}."
    keys = [item.key for item in lake.store.scan(attempts)]
    for prefix in [key.removesuffix(PLAN) for key in keys if key.endswith(f"/{PLAN}")]:
        number = prefix.removeprefix(attempts).removesuffix("/")
        if not number.isdigit() or int(number) >= plan.run.attempt:
            continue
        if build := started(lake, prefix):
            engine.stop(build)
        removed = lake.store.delete([key for key in keys if key.startswith(prefix)])
        log.info("%s %s: removed %d objects of attempt %s", plan.table, plan.period, removed, number)


def built_rows(lake: Lake, engine: RemoteEngine, plan: BuildPlan, build: str) -> tuple[BuiltRows, pa.RecordBatchReader]:
    """Return what the engine wrote, and its rows, once files, sizes and row counts agree.

    Raises:
        StaleBuild: an input was published again since the plan was made.
        EngineFailed: a file is missing or cut off, was written by another job, or has other rows than the engine counted.
    """
    check_inputs(lake, plan)
    rows = engine.built(build, plan, lake.store)
    found = {item.key.removeprefix(plan.output): item.size for item in lake.store.scan(plan.output)}
    listed = {name: size for name, size in found.items() if not _is_folder_mark(name, size)}
    if listed != {item.name: item.size or listed.get(item.name) for item in rows.files}:
        raise EngineFailed(
            f"{plan.where}: `{lake.store.uri(plan.output)}` has {len(listed)} files, and the {plan.engine} build {build} says "
            f"that it wrote {len(rows.files)}. {_UNUSED}"
        )
    kept = ObjectCache()
    objects = [StagedObject(key=f"{plan.output}{name}", size=size, sha256="", rows=0) for name, size in listed.items()]
    files = [_opened(lake, plan, build, PinnedObject(lake.store, item, kept)) for item in sorted(objects, key=_key)]
    stored = sum(file.metadata.num_rows for file in files)
    if rows.rows is not None and rows.rows != stored:
        raise EngineFailed(
            f"{plan.where}: the files of the {plan.engine} build {build} have {stored} rows, and it counted {rows.rows}. "
            f"{_UNUSED}"
        )
    return rows, _reader(files)


def _opened(lake: Lake, plan: BuildPlan, build: str, file: PinnedObject) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except pa.ArrowInvalid as error:
        raise EngineFailed(
            f"{plan.where}: `{lake.store.uri(file.item.key)}` of the {plan.engine} build {build} is no whole Parquet file: "
            f"{error} {_UNUSED}"
        ) from error


def _key(item: StagedObject) -> str:
    return item.key


def _is_folder_mark(name: str, size: int) -> bool:
    """Return whether an object only says that there is a folder, as Hadoop's S3 connectors write them."""
    return size == 0 and (not name or name.endswith(("/", "_$folder$")))


_UNUSED = "Nothing was published; live data is unchanged. The next attempt builds in a fresh folder. Airflow retries."


def _reader(files: list[pq.ParquetFile]) -> pa.RecordBatchReader:
    """Return the rows of files of one schema; moments in UTC become the lake's timestamps, which have no zone."""
    if not files:
        return pa.RecordBatchReader.from_batches(pa.schema([]), [])
    schema = pa.schema([pa.field(item.name, _without_zone(item.type)) for item in files[0].schema_arrow])

    def batches() -> Iterator[pa.RecordBatch]:
        for file in files:
            for batch in file.iter_batches(_BATCH_ROWS):
                yield batch.cast(schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _without_zone(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us")
    if pa.types.is_list(kind):
        return pa.list_(_without_zone(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct(
            [pa.field(kind.field(n).name, _without_zone(kind.field(n).type)) for n in range(kind.num_fields)]
        )
    if pa.types.is_map(kind):
        return pa.map_(_without_zone(kind.key_type), _without_zone(kind.item_type))
    return kind


def _build_key(prefix: str) -> str:
    return f"{prefix}build.txt"
