"""Plan of a project's walkthrough: the runs and questions that show its lake, from `include/lake/walkthrough.yml`."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lakeworks.core.yaml_document import explained_file, read_yaml
from lakeworks.project import Project

FILE = "walkthrough.yml"


# Daily and monthly schedules run at these times. Until then the newest day, or month, that they know is the one before.
DAY_BEGINS, MONTH_BEGINS = timedelta(minutes=30), timedelta(hours=6)
# `{yesterday-14}` is a day; `{month-2}` a month, `{month-2.first}` and `{month-2.last}` its first and last day.
_RELATIVE = re.compile(r"\{(?:yesterday(?:-(\d+))?|month-(\d+)(?:\.(first|last))?)\}")


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
    """Runs of one DAG: a backfill over days, one partition key, one run over a range, or the run that its schedule begins."""

    dag: str
    backfill: Days | None = None
    keys: tuple[str, ...] = ()
    key: str | None = None
    first: date | None = Field(None, alias="from")
    last: date | None = Field(None, alias="to")
    scheduled: bool = False
    stage: int = Field(
        1, ge=1, description="Runs of a stage begin together, when those of the stage before have ended."
    )

    @model_validator(mode="after")
    def _one_way(self) -> "PlannedRun":
        spans = self.first is not None and self.last is not None
        ways = [self.backfill is not None, self.key is not None, spans, self.scheduled]
        if sum(ways) != 1 or (self.backfill is not None and not self.keys):
            raise ValueError(
                "give either `backfill` with the `keys` of its runs, or `key`, or `from` and `to`, or `scheduled: true`"
            )
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
        if self.scheduled:
            return f"{self.dag} by its schedule"
        if self.backfill is not None:
            return f"{self.dag} {self.backfill.first} to {self.backfill.last} by `airflow backfill create`"
        return f"{self.dag} {self.key or f'{self.first} to {self.last}'}"


class Question(_Part):
    """A question and the SQL that answers it: over the lake, or over the served tables in PostgreSQL."""

    question: str
    sql: str
    served: bool = False
    after_stage: int | None = Field(
        None, ge=1, description="Asked as soon as this stage has ended; by default at the end."
    )


class Change(_Part):
    """A command of `lakeworks` that leaves something to look at, such as a rollback, and its words."""

    command: tuple[str, ...]
    shows: str


class Suggestion(_Part):
    """A command to try afterwards, and its purpose."""

    command: str
    shows: str


class StreamedDays(_Part):
    """Days of the sample shop's events that are put into a stream of lake.yml, landed, and published by a DAG."""

    name: str
    dag: str
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    compare: date = Field(description="A day whose live view is compared with the published tables.")


class Walkthrough(_Part):
    """The whole file; empty for a project without one."""

    dates: Literal["as_recorded", "moved"] = "as_recorded"
    drops: tuple[DroppedFile, ...] = ()
    listening: tuple[str, ...] = ()
    runs: tuple[PlannedRun, ...] = ()
    stream: StreamedDays | None = None
    changes: tuple[Change, ...] = ()
    questions: tuple[Question, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()

    @model_validator(mode="after")
    def _stages_exist(self) -> "Walkthrough":
        for item in self.questions:
            if item.after_stage is not None and item.after_stage not in self.stages:
                raise ValueError(f"`{item.question}` waits for stage {item.after_stage}, and no run has this stage")
        return self

    @property
    def stages(self) -> list[int]:
        """Return the stages of the runs, in their order."""
        return sorted({run.stage for run in self.runs})


def load_walkthrough(project: Project, now: datetime | None = None) -> Walkthrough:
    """Read the project's walkthrough. Its relative dates count from `now`, by default the current moment.

    Raises:
        ConfigError: the file is no YAML or has a wrong field; the message names file and field.
    """
    path = project.folder / FILE
    shown = path.relative_to(project.root)
    if not path.is_file():
        return Walkthrough()
    with explained_file(f"`{shown}`", "Nothing was started."):
        return Walkthrough.model_validate(_dated(read_yaml(path) or {}, now or datetime.now(UTC)))


def _dated(value: Any, now: datetime) -> Any:
    """Return a part of the file with real dates in all its texts."""
    if isinstance(value, dict):
        return {name: _dated(item, now) for name, item in value.items()}
    if isinstance(value, list):
        return [_dated(item, now) for item in value]
    return dated(value, now) if isinstance(value, str) else value


def dated(text: str, now: datetime) -> str:
    """Return a text with real dates in place of those that count from now."""
    return _RELATIVE.sub(lambda found: _date(found, now), text)


def _date(found: re.Match[str], now: datetime) -> str:
    days, months, place = found.groups()
    if months is None:
        return str((now - DAY_BEGINS).date() - timedelta(days=1 + int(days or 0)))
    begun = now - MONTH_BEGINS
    number = begun.year * 12 + begun.month - 1 - int(months)
    first = date(number // 12, number % 12 + 1, 1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return {"first": str(first), "last": str(last)}.get(place, str(first)[:7])
