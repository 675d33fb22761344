"""Check of Airflow: its API answers and accepts the login, its parts are alive, and every DAG file parses."""

from lakeworks.airflow_api import Airflow
from lakeworks.doctor.health_check import Diagnosis


def airflow_health(airflow: Airflow | None) -> Diagnosis:
    """Ask Airflow for its health and for DAG files that do not parse.

    Raises:
        ConfigError: Airflow refuses the login, or the address is not Airflow's.
        LakeUnavailable: it does not answer.
    """
    if airflow is None:
        return Diagnosis(
            "warning",
            "LAKE_AIRFLOW_URL is not set: `lakeworks status` shows no runs, and `lakeworks backfill` cannot start any",
            "Set LAKE_AIRFLOW_URL to https://user:password@host.",
        )
    health = airflow.call("GET", "monitor/health")
    broken = airflow.call("GET", "importErrors", params={"limit": 1})["total_entries"]
    parts = {name: (part or {}).get("status") for name, part in health.items()}
    # A part that was never started has no status: the triggerer is optional.
    sick = [f"{name} is {status}" for name, status in parts.items() if status not in ("healthy", None)]
    if sick:
        return Diagnosis("failure", f"Airflow answers, and its {', '.join(sick)}", "Start it, or read its log.")
    if parts.get("scheduler") is None:
        return Diagnosis("failure", "Airflow has no scheduler that runs", "Start `airflow scheduler`.")
    if broken:
        return Diagnosis("failure", f"{broken} DAG files do not parse", "Look: airflow dags list-import-errors")
    running = ", ".join(name for name, status in parts.items() if status)
    return Diagnosis("ok", f"{running} are healthy; every DAG file parses")
