"""The reader beside the killed writers: every read must be one complete, published content."""

import io
import time
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.core.partition import Partition, Period
from lakeworks.core.placement_stamp import content_hash
from lakeworks.errors import LakeError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.s3.object_store import SHA256
from tests.chaos.table import CONTRACT, ROWS, contract_at


def read_forever(lake: Lake, month: str, stop: Any, reads: Any, bad: Any) -> None:
    """The reader process: every read must be one complete content, once there has been one."""
    plain = contract_at(lake).storage.layout == "plain"
    path, seen = f"{CONTRACT.table.path}/{Period.parse(month).path}/", False
    while not stop.is_set():
        time.sleep(0.002)  # leaves the two cores to the writers now and then
        for location in (path if plain else _published(lake, month), _registered(lake, month)):
            if location is None:
                continue
            try:
                problem = _problem(lake, location, plain=plain)
                seen = True
            except LakeNotFound:
                problem = "the partition is gone" if seen else None
            except LakeError:
                continue  # the endpoint failed, not the partition
            reads.value += 1
            if problem:
                bad.append(problem)


def _registered(lake: Lake, month: str) -> str | None:
    with suppress(LakeError, Exception):
        year, number = month.split("-")
        found = lake.catalog.client.get_partition(
            DatabaseName=CONTRACT.table.database, TableName=CONTRACT.table.table, PartitionValues=[year, number]
        )
        location = str(found["Partition"]["StorageDescriptor"]["Location"])
        return location.removeprefix(f"s3://{lake.store.bucket}/")
    return None


def _published(lake: Lake, month: str) -> str | None:
    """The location by the ledger, which readers of a versioned table go by."""
    entry = lake.ledger.live(CONTRACT.table, Partition.of_period(Period.parse(month)))
    return entry.location if entry else None


def _problem(lake: Lake, location: str, *, plain: bool) -> str | None:
    """What is wrong with the one object of a plain partition, or with all objects of a versioned one taken together."""
    keys = [f"{location}part-00000.parquet"] if plain else [item.key for item in lake.store.scan(location)]
    numbers: list[int] = []
    for key in keys:
        body, found = lake.store.get(key)
        try:
            numbers += pq.read_table(io.BytesIO(body))["number"].to_pylist()
        except pa.ArrowInvalid as error:
            return f"not readable: {error}"
        if content_hash(body) != found.metadata.get(SHA256):
            return "the bytes are not those that were published"
    if len(numbers) != ROWS or len(set(numbers)) != 1:
        return f"{len(numbers)} rows of {len(set(numbers))} publications"
    return None
