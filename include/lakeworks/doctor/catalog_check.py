"""Check of the Glue catalog: the lake's databases are there, and a table can be made, read and dropped in each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lakeworks.aws_errors import error_code, translated
from lakeworks.doctor.health_check import Diagnosis
from lakeworks.doctor.trial_name import TrialName
from lakeworks.errors import LakeAccessDenied, LakeError, LakeNotFound

TABLE_PREFIX = "lakeworks_doctor_"
_LAKE_FORMATION = (
    "Lake Formation governs this catalog and decides beside IAM. Name the role in `lake_formation.roles` of lake.yml, and run "
    "the bootstrap as a data lake administrator (docs/lake-formation.md)."
)


@dataclass(frozen=True)
class TrialCatalog:
    """The catalog of the lake. `location` is an address in its bucket; nothing is written there."""

    glue: Any
    databases: Sequence[str]
    location: str
    is_aws: bool
    now: Callable[[], datetime]
    trial: TrialName = field(default_factory=TrialName.of_this_process)

    def trial_tables(self) -> Diagnosis:
        """Create, read and drop a scratch table in every database of the lake."""
        for database in self.databases:
            try:
                with translated("look up the database", database):
                    self.glue.get_database(Name=database)
            except LakeNotFound:
                return Diagnosis(
                    "failure",
                    f"there is no database `{database}`, or Lake Formation hides it",
                    f"Run `lakeworks bootstrap`. If it says that Lake Formation hides it: {_LAKE_FORMATION}",
                )
            try:
                with self._scratch_table(database) as table:
                    is_visible = self._read(database, table)
            except LakeAccessDenied as error:
                return Diagnosis("failure", str(error), _remedy(error))
            if not is_visible:
                return Diagnosis("failure", f"a table made in `{database}` cannot be seen afterwards", _LAKE_FORMATION)
        return Diagnosis(
            "ok",
            f"a scratch table was created, read and dropped in {len(self.databases)} databases",
            unproven="" if self.is_aws else "what Glue's policies and Lake Formation allow",
        )

    def clean(self, database: str) -> None:
        """Drop scratch tables of ended processes."""
        pages = self.glue.get_paginator("get_tables").paginate(DatabaseName=database, Expression=f"{TABLE_PREFIX}*")
        with translated("list and drop the scratch tables of", database):
            for page in pages:
                for table in page["TableList"]:
                    name = table["Name"].removeprefix(TABLE_PREFIX)
                    since = table.get("CreateTime") or self.now()
                    if name != table["Name"] and self.trial.may_remove(name, self.now() - since):
                        self.glue.delete_table(DatabaseName=database, Name=table["Name"])

    @contextmanager
    def _scratch_table(self, database: str) -> Iterator[str]:
        self.clean(database)
        name = f"{TABLE_PREFIX}{self.trial}"
        columns = [{"Name": "id", "Type": "bigint"}]
        storage = {"Columns": columns, "Location": self.location}
        with translated("create a scratch table in", database):
            self.glue.create_table(
                DatabaseName=database,
                TableInput={"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage},
            )
        try:
            yield name
        finally:
            try:
                with translated("drop the scratch table of", database):
                    self.glue.delete_table(DatabaseName=database, Name=name)
            except LakeNotFound:
                pass  # what cannot be seen cannot be dropped; `_read` says so

    def _read(self, database: str, table: str) -> bool:
        try:
            with translated("read the scratch table of", database):
                answer = self.glue.get_table(DatabaseName=database, Name=table)
        except LakeNotFound:
            return False
        return bool(answer["Table"]["Name"] == table)


def _remedy(error: LakeError) -> str:
    if "Lake Formation" in str(error) or error_code(error) == "LakeFormationAccessDenied":
        return _LAKE_FORMATION
    return f"Give the role `lakeworks policy --for doctor`. If it has that, Lake Formation refuses: {_LAKE_FORMATION}"
