"""Print what the DAG files of a folder build, as JSON: `python -m lakeworks_airflow.wiring dags`.

`lakeworks table check` runs it in a separate process, because the library never imports Airflow.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import DAG


def dag_facts(dag: "DAG") -> dict[str, Any]:
    """Return the file, the starting assets and the tasks of a DAG; each task has its class, table, tenant and followers."""
    condition = getattr(dag.timetable, "asset_condition", None)
    return {
        "file": Path(dag.fileloc).name,
        "started_by": sorted(
            asset.name for asset in getattr(condition, "objects", ()) if not getattr(asset, "watchers", ())
        ),
        "tasks": {task.task_id: _task_facts(task) for task in dag.tasks},
    }


def _task_facts(task: Any) -> dict[str, Any]:
    return {
        "kind": task.operator_name if hasattr(task, "operator_name") else type(task).__name__,
        "table": getattr(task, "table", None),
        "tenant": getattr(task, "tenant", None),
        "outlets": [outlet.name for outlet in task.outlets],
        "downstream": sorted(task.downstream_task_ids),
        "starts": getattr(task, "dags", {}),
    }


def main(folder: str) -> None:
    """Parse every DAG file of a folder, and print the DAGs' facts."""
    warnings.simplefilter("ignore")
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(folder)
    errors = {Path(file).name: str(text).strip() for file, text in bag.import_errors.items()}
    dags = {dag_id: dag_facts(dag) for dag_id, dag in bag.dags.items()}
    sys.stdout.write("\n" + json.dumps({"errors": errors, "dags": dags}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
