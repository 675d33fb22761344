"""The table that chaos writers write, in both layouts, and where it lies."""

from dataclasses import dataclass
from pathlib import Path

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import Contract
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.s3.fast_client import FastS3Client
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import client, contract_of

ROWS = 500
COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": ""},
    "number": {"type": "bigint", "description": ""},
}
CONTRACT = contract_of("silver.chaos.rows", columns=COLUMNS, partition_by=["month"])
# Three objects a partition.
VERSIONED = contract_of(
    CONTRACT.name,
    columns=COLUMNS,
    partition_by=["month"],
    storage={"layout": "versioned", "target_bytes": 1, "row_group_rows": 100},
)


@dataclass(frozen=True)
class Endpoint:
    """Where S3 and Glue are; each process makes its own clients."""

    s3: str
    glue: str
    bucket: str
    contract: Contract = CONTRACT

    def lake(self, *, fast_client: bool = False) -> Lake:
        """`fast_client`: whole objects by the compiled client, as in the product; for forked writers, whose parent never uses it."""
        s3 = client("s3", self.s3)
        store = ObjectStore(s3, self.bucket, threads=2, fast_client=FastS3Client.of(s3) if fast_client else None)
        glue = GlueCatalog(client("glue", self.glue))
        return Lake(store, glue, DuckDbEngine(), Path("/nonexistent"), contract=lambda _: self.contract)


def contract_at(lake: Lake) -> Contract:
    """The contract of the table the writers write."""
    return lake.contract(CONTRACT.name)
