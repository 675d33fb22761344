"""Plan of a project's walkthrough: the runs and questions that show its lake, from `include/lake/walkthrough.yml`."""

from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lakeworks.core.yaml_document import explained_file, read_yaml
from lakeworks.project import Project

FILE = "walkthrough.yml"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Days(_Part):
    """A range of days, both included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")


class DroppedFile(_Part):
    """A sample file of the project that goes into the lake's inbox before the runs."""

    file: str
    dataset: str
    period: str

    @property
    def key(self) -> str:
        """Return the object's key in the inbox."""
        return f"inbox/{self.dataset}/{self.period}/{Path(self.file).name}"


class PlannedRun(_Part):
    """Runs of one DAG: a backfill over days, one partition key, or one run over a range."""

    dag: str
    backfill: Days | None = None
    keys: tuple[str, ...] = ()
    key: str | None = None
    first: date | None = Field(None, alias="from")
    last: date | None = Field(None, alias="to")

    @model_validator(mode="after")
    def _one_way(self) -> "PlannedRun":
        ways = [self.backfill is not None, self.key is not None, self.first is not None and self.last is not None]
        if sum(ways) != 1 or (self.backfill is not None and not self.keys):
            raise ValueError("give either `backfill` with the `keys` of its runs, or `key`, or `from` and `to`")
        return self

    @property
    def body(self) -> dict[str, Any]:
        """Return the request body of the trigger for Airflow's API."""
        if self.key is not None:
            return {"partition_key": self.key}
        return {"conf": {"from": str(self.first), "to": str(self.last)}}

    @property
    def words(self) -> str:
        """Return the run in words."""
        if self.backfill is not None:
            return f"{self.dag} {self.backfill.first} to {self.backfill.last} by `airflow backfill create`"
        return f"{self.dag} {self.key or f'{self.first} to {self.last}'}"


class Question(_Part):
    """A question and the SQL that answers it: over the lake, or over the served tables in PostgreSQL."""

    question: str
    sql: str
    served: bool = False


class Suggestion(_Part):
    """A command to try afterwards, and its purpose."""

    command: str
    shows: str


class Walkthrough(_Part):
    """The whole file; empty for a project without one."""

    drops: tuple[DroppedFile, ...] = ()
    runs: tuple[PlannedRun, ...] = ()
    questions: tuple[Question, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


def load_walkthrough(project: Project) -> Walkthrough:
    """Read the project's walkthrough.

    Raises:
        ConfigError: the file is no YAML or has a wrong field; the message names file and field.
    """
    path = project.folder / FILE
    shown = path.relative_to(project.root)
    if not path.is_file():
        return Walkthrough()
    with explained_file(f"`{shown}`", "Nothing was started."):
        return Walkthrough.model_validate(read_yaml(path) or {})
