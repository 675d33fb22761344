"""The Glue table that names an Iceberg table's current metadata file; changed by compare-and-swap on its version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lakeworks.aws_errors import translated
from lakeworks.errors import ConfigError, LakeNotFound, LakeUnavailable, LostRace

METADATA_LOCATION = "metadata_location"
# Another process changed or created the table since it was read.
_OVERTAKEN = {"AlreadyExistsException", "ConcurrentModificationException", "VersionMismatchException"}


@dataclass(frozen=True)
class Pointed:
    """The metadata file that Glue names, and Glue's version of the table, which is the condition of its next change."""

    location: str
    version_id: str | None
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class GluePointer:
    """One Iceberg table in Glue. `root` is the address of its metadata; a table with another one is not ours."""

    client: Any
    database: str
    table: str
    root: str

    def read(self) -> Pointed | None:
        """Return what Glue names; None if there is no such table.

        Raises:
            ConfigError: another program's table has the name.
        """
        try:
            with translated("look up the Iceberg table", self.name):
                found = self.client.get_table(DatabaseName=self.database, Name=self.table)["Table"]
        except LakeNotFound:
            return None
        parameters = found.get("Parameters", {})
        location = str(parameters.get(METADATA_LOCATION, ""))
        if str(parameters.get("table_type", "")).upper() != "ICEBERG" or not location.startswith(f"{self.root}/"):
            raise ConfigError(
                f"`{self.name}` in Glue is not the Iceberg table of lakeworks, whose metadata are below `{self.root}/`. It was "
                "not changed. Rename or drop it, then run: lakeworks catalog repair"
            )
        return Pointed(location, found.get("VersionId"), parameters)

    def swap(self, before: Pointed | None, location: str, columns: list[dict[str, Any]], description: str) -> None:
        """Name another metadata file, unless another process has named one since `before` was read.

        Raises:
            LostRace: another process has; nothing was changed.
        """
        previous = {"previous_metadata_location": before.location} if before else {}
        kept = dict(before.parameters) if before else {}
        ours = {"table_type": "ICEBERG", METADATA_LOCATION: location, "EXTERNAL": "TRUE", **previous}
        desired = {
            "Name": self.table,
            "Description": description,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {**kept, **ours},
            "StorageDescriptor": {"Columns": columns, "Location": self.root},
        }
        try:
            with translated("set the Iceberg table", self.name):
                if before is None:
                    self.client.create_table(DatabaseName=self.database, TableInput=desired)
                    return
                seen = {"VersionId": before.version_id} if before.version_id else {}
                self.client.update_table(DatabaseName=self.database, TableInput=desired, SkipArchive=True, **seen)
        except LakeUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"].get("Code") in _OVERTAKEN:
                raise LostRace(
                    f"`{self.name}`: another process set the Iceberg table. The next attempt looks again."
                ) from error
            raise

    @property
    def name(self) -> str:
        """Database and table for messages."""
        return f"{self.database}.{self.table}"
