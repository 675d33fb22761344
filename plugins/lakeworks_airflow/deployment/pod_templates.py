"""Pods sized for their step, with KubernetesExecutor: beside its `pod_template_file` lies one template a step.

`airflow_local_settings.py` imports `task_policy`, Airflow's cluster policy. It sees every task when its DAG is parsed.
"""

from pathlib import Path
from typing import Any

from airflow.configuration import conf

_STEPS = {"FetchOperator": "fetch", "WriteOperator": "write", "AuditOperator": "audit", "PublishOperator": "publish"}


def task_policy(task: Any) -> None:
    """Give a step's task its pod: `write.yaml` of the folder of `pod_template_file`. A task's own choice stays.

    Without KubernetesExecutor the option has no value, and nothing changes.
    """
    base = conf.get("kubernetes_executor", "pod_template_file", fallback="")
    step = next((_STEPS[kind.__name__] for kind in type(task).__mro__ if kind.__name__ in _STEPS), None)
    if not base or step is None or task.executor_config:
        return
    template = Path(base).with_name(f"{step}.yaml")
    if template.is_file():
        task.executor_config = {"pod_template_file": str(template)}
