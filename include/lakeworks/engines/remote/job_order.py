"""Job orders for Spark: a build plan in addresses that a job can read, and the answer that it leaves."""

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from lakeworks.errors import ContractError, EngineFailed, LakeError, LakeNotFound
from lakeworks.ledger.build_plan import BuildPlan, BuiltRows, PlannedInput
from lakeworks.ledger.entry import LiveObject
from lakeworks.s3.object_store import ObjectStore

Address = Callable[[LiveObject], str]


def order_text(plan: BuildPlan, address: Address, output: str, result: str) -> str:
    """Return the order as JSON; `address` gives the place from which a job reads an object."""
    inputs = [
        {
            "view": one.view,
            "columns": dict(one.columns),
            "groups": _groups(one, address),
        }
        for one in plan.inputs
    ]
    return json.dumps({"sql": plan.sql, "inputs": inputs, "output": output, "result": result}, indent=1)


def _groups(table: PlannedInput, address: Address) -> list[dict[str, Any]]:
    """Return the files by what they have in common: column types, and the values that are only in the path."""
    groups: dict[tuple[str, tuple[tuple[str, str | None], ...]], list[str]] = defaultdict(list)
    for partition in table.partitions:
        values = tuple((key, value) for key, value in partition.parsed.pairs if key in table.path_columns)
        groups[partition.schema_fingerprint, values] += [address(item) for item in partition.objects]
    return [{"values": dict(values), "files": files} for (_, values), files in groups.items() if files]


def read_result(plan: BuildPlan, store: ObjectStore) -> BuiltRows:
    """Return what a job says that it wrote.

    Raises:
        ContractError: Spark refuses the SQL, or a value does not fit its type.
        EngineFailed: the job failed for another reason, or left no answer.
    """
    try:
        body, _ = store.get(plan.result_key)
    except LakeNotFound as error:
        raise died(plan, "it left no result") from error
    answer = json.loads(body)
    if failure := answer.get("error"):
        raise refused(plan, failure["kind"], failure["message"])
    return BuiltRows.model_validate(answer)


def refused(plan: BuildPlan, kind: str, message: str) -> LakeError:
    """Return the error of a job that ended with a fault."""
    if kind == "lasting":
        return ContractError(
            f"{plan.where}: Spark cannot run the transform: {message.rstrip('.')}. Nothing was published; live data is "
            "unchanged. Correct the SQL; its examples on Spark: lakeworks table test --engine spark"
        )
    if kind == "twice":
        return died(plan, "another job wrote into its folder first")
    return died(plan, message.rstrip("."))


def died(plan: BuildPlan, reason: str) -> EngineFailed:
    """Return the error of a job that did not end by itself."""
    return EngineFailed(
        f"{plan.where}: the Spark job failed: {reason}. Nothing was published; live data is unchanged. Its files are in "
        f"`{plan.prefix}`, and the next attempt removes them. Airflow retries."
    )
