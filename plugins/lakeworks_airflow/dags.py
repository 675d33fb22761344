"""DAGs of the lake and of its tenants, made by one function."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import dag

from lakeworks.settings import deployed_tenants
from lakeworks_airflow.partitions import dev_params, partition_params, plan_params

RETRIES = {"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True}
Compose = Callable[[], None]


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
            dag(
                dag_id=f"{compose.__name__}__{tenant}" if tenant else compose.__name__,
                schedule=schedule(tenant) if callable(schedule) else schedule,
                params={**(partition_params(grain) | dev_params() | plan_params() if grain else {}), **(params or {})},
                default_args={**RETRIES, **(default_args or {}), **{k: v for k, v in step_arguments.items() if v}},
                tags=[*tags, *([f"tenant:{tenant}"] if tenant else [])],
                # the first scheduled run needs the bucket that lake_bootstrap makes
                **{"catchup": False, "is_paused_upon_creation": True, **arguments},
            )(compose)()
        return compose

    return make
