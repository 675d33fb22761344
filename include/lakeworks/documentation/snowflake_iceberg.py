"""Snowflake statements that read a table as Iceberg: external volume, catalog integration with Glue, Iceberg table. No key."""

from collections.abc import Iterator
from dataclasses import dataclass

from lakeworks.contract import Contract
from lakeworks.documentation.snowflake_ddl import (
    SnowflakePlace,
    literal,
    protected,
    quoted,
    view_without_protected,
)


@dataclass(frozen=True)
class GlueIceberg:
    """An Iceberg table's place in Glue."""

    database: str
    table: str
    region: str


def iceberg_statements(contract: Contract, place: SnowflakePlace, metadata: str, glue: GlueIceberg) -> str:
    """Return the statements, in the order to run them.

    Args:
        contract: A contract with `catalog.iceberg`.
        place: Role, name of the integration, and the address of the published objects.
        metadata: The `s3://` address of the Iceberg metadata.
        glue: The table that Snowflake follows.
    """
    return "\n\n".join(f"{statement};" for statement in _statements(contract, place, metadata, glue)) + "\n"


def _statements(contract: Contract, place: SnowflakePlace, metadata: str, glue: GlueIceberg) -> Iterator[str]:
    schema = quoted(contract.table.database)
    volume, catalog = f"{place.integration}_volume", f"{place.integration}_glue"
    hidden = protected(contract)
    table = quoted(f"{contract.table.table}_files" if hidden else contract.table.table)
    buckets = dict.fromkeys(address.removeprefix("s3://").partition("/")[0] for address in (metadata, place.location))
    locations = ",\n".join(
        f"    (NAME = {literal(bucket)} STORAGE_PROVIDER = 'S3' STORAGE_BASE_URL = {literal(f's3://{bucket}/')}\n"
        f"     STORAGE_AWS_ROLE_ARN = {literal(place.role)})"
        for bucket in buckets
    )
    yield (
        f"CREATE EXTERNAL VOLUME IF NOT EXISTS {quoted(volume)}\n  STORAGE_LOCATIONS = (\n{locations}\n  )\n"
        "  ALLOW_WRITES = FALSE"
    )
    yield (
        f"CREATE CATALOG INTEGRATION IF NOT EXISTS {quoted(catalog)}\n"
        f"  CATALOG_SOURCE = GLUE TABLE_FORMAT = ICEBERG CATALOG_NAMESPACE = {literal(glue.database)}\n"
        f"  GLUE_AWS_ROLE_ARN = {literal(place.role)} GLUE_CATALOG_ID = {literal(place.account)}\n"
        f"  GLUE_REGION = {literal(glue.region)} ENABLED = TRUE"
    )
    yield f"CREATE SCHEMA IF NOT EXISTS {schema}"
    yield (
        f"CREATE ICEBERG TABLE IF NOT EXISTS {schema}.{table}\n"
        f"  EXTERNAL_VOLUME = {literal(volume.upper())} CATALOG = {literal(catalog.upper())}\n"
        f"  CATALOG_NAMESPACE = {literal(glue.database)} CATALOG_TABLE_NAME = {literal(glue.table)}\n"
        f"  COMMENT = {literal(contract.description)}"
    )
    if hidden:
        yield view_without_protected(contract, f"{schema}.{table}")
