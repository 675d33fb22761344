"""Periods of a run, decided here alone for schedules, triggers, ranges and backfills."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from airflow.sdk import Param

from lakeworks.core.partition import Period
from lakeworks.core.period_keys import EXAMPLES, key_pattern, periods_between, periods_of
from lakeworks.errors import PartitionKeyError


class PartitionedRun(Protocol):
    """The fields that are read of a DAG run."""

    run_id: str
    partition_key: str | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None


def partition_params(grain: str) -> dict[str, Param]:
    """Return the form fields for a run over a range; both keys are included.

    Airflow refuses a run whose field does not match the pattern, before the run exists. The schema also says the DAG's
    grain, for those who ask Airflow's API (`lakeworks backfill`).
    """
    example = EXAMPLES[grain]
    text = f"{{}} {grain} of a range, like {example}. Leave both empty to run the partition key of the run."
    schema: dict[str, Any] = {
        "type": ["null", "string"],
        "pattern": key_pattern(grain),
        "examples": [example],
        "grain": grain,
    }
    return {
        "from": Param(None, title="From", description=text.format("First"), **schema),
        "to": Param(None, title="To", description=text.format("Last"), **schema),
    }


def dev_params() -> dict[str, Param]:
    """Return the form field that makes a run work in a dev lake."""
    text = "Dev lake in which the run works (`lakeworks dev start`). Leave it empty for the live lake."
    name: dict[str, Any] = {
        "type": ["null", "string"],
        "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        "examples": ["fix-42"],
    }
    return {"dev": Param(None, title="Dev lake", description=text, **name)}


def plan_params() -> dict[str, Param]:
    """Return the form fields of a run that brings changed code in (`lakeworks plan --apply`)."""
    leave = "Tables that the run leaves alone, one a line: their ranges are excluded (`lakeworks plan --exclude`)."
    landed = "Build from what has landed. A vendor is asked only for periods that landing lacks."
    names: dict[str, Any] = {"type": ["null", "array"], "items": {"type": "string"}, "examples": [None]}
    return {
        "leave": Param(None, title="Tables to leave", description=leave, **names),
        "landed": Param(False, type="boolean", title="From landing", description=landed),
    }


def publication_params() -> dict[str, Param]:
    """Return the form fields for an act on one partition's publications."""
    return {
        "table": Param(None, type="string", minLength=1, title="Table", examples=["silver.transport.trips"]),
        "partition": Param(
            None,
            type="string",
            minLength=1,
            title="Partition",
            examples=["2019-01-05"],
            description="`all` for a table without partitions.",
        ),
        "seen": Param(
            None,
            type=["null", "integer"],
            title="Live publication",
            description="The run stops if another one is live by then.",
        ),
    }


def resolve_periods(run: PartitionedRun, params: Mapping[str, Any], grain: str) -> list[Period]:
    """Return a run's periods: from its partition key, else its `from`/`to` range, else a data interval of exactly one period.

    A month means its days. A backfill gives such keys to runs over whole months (`timetables`); a person may type them.

    Raises:
        PartitionKeyError: none of them is there, two contradict each other, or a key is not of the grain; it says what to type.
    """
    first, last = params.get("from") or None, params.get("to") or None
    if run.partition_key and (first or last):
        raise PartitionKeyError(
            f"Run `{run.run_id}` has the partition key `{run.partition_key}` and a from/to range. Nothing was run. "
            "Give one of the two."
        )
    if run.partition_key:
        return periods_of(run.partition_key, grain)
    if first or last:
        if not (first and last):
            raise PartitionKeyError(
                f"Run `{run.run_id}` has only one end of a range (from `{first}`, to `{last}`). Nothing was run. Give both."
            )
        return periods_between(str(first), str(last), grain)
    if run.data_interval_start and run.data_interval_end:
        period = Period.containing(run.data_interval_start, grain)
        if (period.start, period.end) == (run.data_interval_start, run.data_interval_end):
            return [period]
    example = EXAMPLES[grain]
    raise PartitionKeyError(
        f"Run `{run.run_id}` does not name the {grain} that it owns. Nothing was run. Trigger it with a "
        f'partition key ({example}, in the form or as "partition_key" of the API), or with params {{"from": '
        f'"{example}", "to": "{example}"}}.'
    )
