"""DAGs of the lake and of its tenants, made by one function, and the fields of their trigger forms.

Airflow refuses a run whose value does not fit its field, in the form and in its API, before the run exists.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, dag

from lakeworks.core.names import TABLE_PATTERN
from lakeworks.core.period_keys import EXAMPLES, key_pattern
from lakeworks.settings import deployed_tenants

RETRIES = {"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True}
Compose = Callable[[], None]
# `all`, a month, day or hour, or a Hive path: what `Contract.parse_partition` reads.
PARTITION_PATTERN = f"^(all|{key_pattern('hour')[1:-1]}|[A-Za-z0-9_]+=[^/\\n]+(/[A-Za-z0-9_]+=[^/\\n]+)*)$"
_EXAMPLE_TABLE = "silver.transport.trips"
_DEV_NAME = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


def lake_dag(
    *,
    schedule: Any,
    grain: str | None = None,
    tags: Sequence[str] = (),
    params: dict[str, Any] | None = None,
    default_args: dict[str, Any] | None = None,
    **arguments: Any,
) -> Callable[[Compose], Compose]:
    """Make a DAG of the decorated function, and one more for every tenant in LAKE_TENANTS: `commerce`, `commerce__acme`.

    The tasks take `grain` and `tenant` from the DAG (Airflow's `default_args`), so the function names tables only. A tenant's
    DAG has its own runs, credentials, data and assets. Other arguments are those of Airflow's `dag`.

    :param schedule: a schedule, or a function from the tenant's id (None for the lake's own DAG) to one.
    :param grain: the grain of the partition keys; gives the DAG its form for a range.
    """

    def make(compose: Compose) -> Compose:
        for tenant in (None, *map(str, deployed_tenants())):
            step_arguments = {"grain": grain, "tenant": tenant}
            made = dag(
                dag_id=f"{compose.__name__}__{tenant}" if tenant else compose.__name__,
                schedule=schedule(tenant) if callable(schedule) else schedule,
                params={**(partition_params(grain) | dev_params() | plan_params() if grain else {}), **(params or {})},
                default_args={**RETRIES, **(default_args or {}), **{k: v for k, v in step_arguments.items() if v}},
                tags=[*tags, *([f"tenant:{tenant}"] if tenant else [])],
                # the first scheduled run needs the bucket that lake_bootstrap makes
                **{"catchup": False, "is_paused_upon_creation": True, **arguments},
            )(compose)()
            if grain:
                _offer_tables(made)
        return compose

    return make


def _offer_tables(made: DAG) -> None:
    """Offer the DAG's tables in the field `leave`; without tables there is no such field.

    Airflow's form makes a list of choices of a field of several names, and offers only its examples.
    """
    tables = {str(table) for task in made.tasks if (table := getattr(task, "table", None))}
    if tables:
        made.params.get_param("leave").schema["examples"] = sorted(tables)
    else:
        del made.params["leave"]


def partition_params(grain: str) -> dict[str, Param]:
    """Return the form fields for a run over a range; both keys are included.

    The schema also says the DAG's grain, for those who ask Airflow's API (`lakeworks backfill`).
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
    name: dict[str, Any] = {"type": ["null", "string"], "pattern": _DEV_NAME, "examples": ["fix-42"]}
    return {"dev": Param(None, title="Dev lake", description=text, **name)}


def plan_params() -> dict[str, Param]:
    """Return the form fields of a run that brings changed code in (`lakeworks plan --apply`)."""
    leave = "Tables that the run leaves alone: their ranges are excluded (`lakeworks plan --exclude`)."
    landed = "Build from what has landed. A vendor is asked only for periods that landing lacks."
    names: dict[str, Any] = {
        "type": ["null", "array"],
        "items": {"type": "string", "pattern": TABLE_PATTERN},
    }
    return {
        "leave": Param(None, title="Tables to leave", description=leave, **names),
        "landed": Param(False, type="boolean", title="From landing", description=landed),
    }


def table_param(description: str = "Table, as <layer>.<domain>.<table>.", example: str = _EXAMPLE_TABLE) -> Param:
    """Return the form field of one table."""
    schema: dict[str, Any] = {"type": "string", "pattern": TABLE_PATTERN, "examples": [example]}
    return Param(None, title="Table", description=description, **schema)


def period_param(title: str, description: str, *, required: bool = True) -> Param:
    """Return the form field of one month, day or hour."""
    pattern = key_pattern("hour")
    schema: dict[str, Any] = {"type": "string" if required else ["null", "string"], "pattern": pattern}
    if required:
        schema["minLength"] = 1
    return Param(None, title=title, description=description, examples=list(EXAMPLES.values()), **schema)


def publication_param(title: str, description: str) -> Param:
    """Return the form field of the number of a publication, which may be empty."""
    schema: dict[str, Any] = {"type": ["null", "integer"], "minimum": 1, "examples": [3]}
    return Param(None, title=title, description=description, **schema)


def publication_params() -> dict[str, Param]:
    """Return the form fields for an act on one partition's publications."""
    partition: dict[str, Any] = {
        "type": "string",
        "pattern": PARTITION_PATTERN,
        "minLength": 1,
        "examples": ["2019-01-05", "year=2019/month=01/day=05", "all"],
    }
    return {
        "table": table_param(),
        "partition": Param(
            None,
            title="Partition",
            description="A month, day or hour like 2019-01-05, a path like year=2019/month=01, or `all` for a table "
            "without partitions.",
            **partition,
        ),
        "seen": publication_param("Live publication", "The run stops if another one is live by then."),
    }
