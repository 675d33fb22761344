"""What the writers are given: the rows in memory, with or without partition columns, and a way to S3."""

from collections.abc import Iterator
from typing import Any

from benchmarks.case import KEYS, REGION, Place


def arrow_s3(place: Place) -> Any:
    """pyarrow's own S3 client."""
    from pyarrow.fs import S3FileSystem

    host = place.endpoint.removeprefix("http://")
    return S3FileSystem(
        access_key=KEYS["aws_access_key_id"], secret_key=KEYS["aws_secret_access_key"], endpoint_override=host,
        scheme="http", region=REGION,
    )  # fmt: skip


def read_rows(place: Place) -> Any:
    """The input in memory, in no order."""
    import pyarrow.parquet as pq

    return pq.read_table(place.path(place.options["file"]))


def with_keys(place: Place) -> Any:
    """The rows with their partition columns, which every peer wants as columns; adding them is not timed."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = read_rows(place)
    if "day" in place.options["keys"]:
        stamp = table[place.options["stamp"]]
        for name, text in (("year", "%Y"), ("month", "%m"), ("day", "%d")):
            if name in place.options["keys"]:
                table = table.append_column(name, pc.strftime(stamp, text))
    return pa.table(
        {name: column.combine_chunks() for name, column in zip(table.schema.names, table.columns, strict=True)}
    )


def groups(table: Any, keys: list[str]) -> Iterator[tuple[str, Any]]:
    """Sort by the partition columns' codes, cut where they change."""
    import numpy as np
    import pyarrow as pa

    code = np.zeros(table.num_rows, dtype="int64")
    for name in keys:
        found = table[name].combine_chunks().dictionary_encode()
        code = code * len(found.dictionary) + found.indices.to_numpy()
    order = np.argsort(code, kind="stable")
    cuts = np.flatnonzero(np.diff(code[order])) + 1
    names = table.select(keys).take(pa.array(order[np.concatenate(([0], cuts))])).to_pylist()
    rest = table.drop_columns(keys)
    bounds = [0, *cuts.tolist(), table.num_rows]
    for pairs, start, end in zip(names, bounds, bounds[1:], strict=False):
        yield "/".join(f"{key}={value}" for key, value in pairs.items()), rest.take(pa.array(order[start:end]))
