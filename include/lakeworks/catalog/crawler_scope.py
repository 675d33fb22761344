"""Scope of Glue crawlers: other programs' folders and databases, never those that lakeworks writes."""

import re
from collections.abc import Collection

from lakeworks.core.layout import TENANT_AREAS, is_written_by_lake
from lakeworks.core.names import LAYERS
from lakeworks.errors import ConfigError

# Hadoop also spells the address `s3a` or `s3n`; Glue only accepts `s3`.
_ADDRESS = re.compile(r"s3[an]?://([^/]+)(?:/(.*))?", re.IGNORECASE | re.DOTALL)


def foreign_folder(path: str, database: str, own_buckets: Collection[str]) -> str:
    """Return the folder in Glue's spelling, after checking that neither it nor the database is the lake's.

    Raises:
        ConfigError: one of them is, or the path is no `s3://` address; nothing was started.
    """
    if not (match := _ADDRESS.fullmatch(path.strip())):
        raise ConfigError(
            f"`{path}` is no S3 address: a crawler takes `s3://<bucket>/<folder>/`. Nothing was started. Correct `path`."
        )
    bucket, key = match[1], match[2] or ""
    if bucket.lower() in own_buckets and is_written_by_lake(key):
        raise ConfigError(
            f"`{path}` overlaps with folders that lakeworks writes ({', '.join(TENANT_AREAS)}, _*). A crawler "
            "would replace the contracts' types by guesses. Nothing was started. Name a folder that lakeworks "
            "does not write, with its closing slash. Tables of the lake need no crawler."
        )
    # A tenant's databases begin with its id: `acme__silver_market`.
    if database.lower().rpartition("__")[2].partition("_")[0] in LAYERS:
        raise ConfigError(
            f"The Glue database `{database}` is for tables of this lake (<layer>_<domain>). Nothing was started. Name another."
        )
    return f"s3://{bucket}/{key}"
