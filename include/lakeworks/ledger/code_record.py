"""Records of the code that built publications, one for each fingerprint of a table."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import Field

from lakeworks.core.layout import code_key
from lakeworks.core.names import TableName
from lakeworks.errors import LakeNotFound, LostRace
from lakeworks.ledger.document import StoredDocument
from lakeworks.s3.object_store import ObjectStore, Target


class CodeRecord(StoredDocument):
    """The text of a table's code at the time of a run."""

    table: str
    fingerprint: str
    sql: str = Field("", description="The text of transform.sql.")
    functions: tuple[str, ...] = Field((), description="The texts of the Python files that the rows depend on.")
    contract: Mapping[str, Any] = Field(description="The contract, as its model writes it.")

    def save(self, store: ObjectStore) -> None:
        """Store it unless it is stored: equal fingerprints have equal texts."""
        key = code_key(TableName.parse(self.table), self.fingerprint)
        with suppress(LostRace):
            store.put(Target(key, if_absent=True), self.model_dump_json(indent=1).encode())


def load_code_record(store: ObjectStore, table: TableName, fingerprint: str) -> CodeRecord | None:
    """Return the record of a fingerprint; None if no run stored it.

    Raises:
        LedgerCorrupt: it does not parse.
    """
    for key in store.keys.to_read(code_key(table, fingerprint)):
        try:
            body, _ = store.get(key)
        except LakeNotFound:
            continue
        return CodeRecord.read(
            body, store.uri(key), "is no record of code: {problem}. Remove it; the next run stores its own."
        )
    return None
