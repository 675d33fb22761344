"""Every Airflow component imports this: the forking ones load the heavy libraries once, and each step gets its pod."""

from lakeworks_airflow.deployment.pod_templates import task_policy
from lakeworks_airflow.warm_imports import preload

__all__ = ["task_policy"]
preload()
