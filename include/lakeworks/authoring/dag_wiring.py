"""Check of the DAG wiring: one DAG builds each table, after all tables of that DAG that it reads.

Airflow parses the DAG files in a process of its own (`lakeworks_airflow.wiring`).
"""

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lakeworks.contract import Contract
from lakeworks.core.names import suggestion
from lakeworks.errors import ConfigError, Problem
from lakeworks.transform.examples import inputs

_LOADING = ("LoadOperator", "ReconcileStreamOperator")
_PUBLISHING = ("PublishOperator", *_LOADING)


@dataclass(frozen=True)
class Task:
    """One task of a DAG."""

    kind: str
    table: str | None
    tenant: str | None
    outlets: tuple[str, ...]
    downstream: tuple[str, ...]
    # The DAG to start for files that are dropped, by table.
    starts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dag:
    """One DAG: its file, the assets of DAGs that start it, its tasks by id."""

    file: str
    started_by: tuple[str, ...]
    tasks: Mapping[str, Task]

    @property
    def of_tenant(self) -> bool:
        """Return True if the DAG works for a tenant: a copy of the lake's own."""
        return any(task.tenant for task in self.tasks.values())

    @property
    def tables(self) -> set[str]:
        """The tables that the DAG publishes."""
        return {task.table for task in self.tasks.values() if task.table and task.kind in _PUBLISHING}

    def reaches(self, start: str, end: str) -> bool:
        """Return True if `end` runs after `start`."""
        return start == end or any(self.reaches(task, end) for task in self.tasks[start].downstream)

    def task_of(self, table: str, kind: str) -> str | None:
        """Return the id of the table's task of that kind."""
        return next((id_ for id_, task in self.tasks.items() if (task.table, task.kind) == (table, kind)), None)


@dataclass(frozen=True)
class Wiring:
    """All DAGs of a project, and the files that do not import, with the error."""

    dags: Mapping[str, Dag]
    errors: Mapping[str, str]


def airflow_is_installed() -> bool:
    """Return whether this environment can parse DAG files."""
    return all(find_spec(name) is not None for name in ("airflow", "lakeworks_airflow"))


def read_wiring(folder: Path) -> Wiring:
    """Parse the DAG files of a folder, without tenants and without a database.

    Raises:
        ConfigError: Airflow itself failed.
    """
    with TemporaryDirectory() as home:
        environment = {
            **os.environ,
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite://",
            "LAKE_TENANTS": "",
        }
        command = [sys.executable, "-m", "lakeworks_airflow.wiring", str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ConfigError(
            f"Airflow could not parse `{folder}`: {last[0]}. Nothing was checked. Run: airflow dags list-import-errors"
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Wiring({name: _dag(dag) for name, dag in answer["dags"].items()}, answer["errors"])


def _dag(dag: Mapping[str, Any]) -> Dag:
    tasks = {
        name: Task(**{**task, "outlets": tuple(task["outlets"]), "downstream": tuple(task["downstream"])})
        for name, task in dag["tasks"].items()
    }
    return Dag(dag["file"], tuple(dag["started_by"]), tasks)


def wiring_problems(
    wiring: Wiring, contracts: Mapping[str, Contract], names: Iterable[str], unreadable: Collection[str] = ()
) -> Iterator[Problem]:
    """Yield the problems of the DAG files for these tables.

    `contracts` has every table of the project except those with a wrong contract, which are in `unreadable`.
    """
    for file, text in wiring.errors.items():
        yield Problem(f"dags/{file}", "", f"does not import: {text.splitlines()[-1]}")
    dags = [dag for dag in wiring.dags.values() if not dag.of_tenant]
    for dag in dags:
        for table in sorted(dag.tables - contracts.keys() - set(unreadable)):
            yield Problem(f"dags/{dag.file}", table, f"there is no such table. {suggestion(table, contracts)}")
    made = {outlet for dag in dags for task in dag.tasks.values() for outlet in task.outlets}
    for dag in dags:
        for asset in dag.started_by:
            if asset not in made:
                yield Problem(f"dags/{dag.file}", asset, f"no DAG publishes this asset. {suggestion(asset, made)}")
    for name in names:
        if name in contracts:
            yield from _table_problems(dags, contracts[name], _readable(contracts[name]))
            yield from _inbox_problems(wiring.dags, contracts[name])


def _inbox_problems(dags: Mapping[str, Dag], contract: Contract) -> Iterator[Problem]:
    """Yield a dropped table that the DAG of arrivals does not know, where the project has one.

    A table that a task loads itself waits for no drop; a run for each of its files would load again and never end.
    """
    name = contract.name
    if not (contract.source or "").startswith("file_drop.") or any(_loads(dag, name) for dag in dags.values()):
        return
    own = next((id_ for id_, dag in dags.items() if name in dag.tables and not dag.of_tenant), None)
    for dag in dags.values():
        for task in dag.tasks.values():
            if own and task.kind == "ArrivedRunsOperator" and task.starts.get(name) != own:
                yield Problem(
                    f"dags/{dag.file}",
                    name,
                    f'a dropped file does not start its DAG. Add it to `DAGS`: `"{name}": "{own}"`.',
                )


def _loads(dag: Dag, name: str) -> bool:
    """Return True if a task of the DAG lands and publishes the table's rows in one step."""
    return any(task.table == name and task.kind in _LOADING for task in dag.tasks.values())


def _table_problems(dags: list[Dag], contract: Contract, reads: list[str]) -> Iterator[Problem]:
    name, building = contract.name, [dag for dag in dags if contract.name in dag.tables]
    step = "ingest" if contract.source else "write_audit_publish"
    if not building:
        where = f"dags/{_likely_file(dags, contract, reads)}"
        yield Problem(where, name, f'no DAG builds this table. Add one line: `{step}("{name}")`, after what it reads.')
    if len(building) > 1:
        yield Problem(
            "dags", name, f"{len(building)} DAGs build this table: {', '.join(dag.file for dag in building)}."
        )
    for dag in building:
        if (
            contract.source
            and not _loads(dag, name)
            and not any(
                task.table == name
                and task.kind != "WriteOperator"
                and dag.reaches(id_, str(dag.task_of(name, "WriteOperator")))
                for id_, task in dag.tasks.items()
            )
        ):
            yield Problem(
                f"dags/{dag.file}", name, f'its contract has a source, and no DAG fetches it: `ingest("{name}")`.'
            )
        for read in reads:
            start, end = dag.task_of(read, "PublishOperator"), dag.task_of(name, "WriteOperator")
            if start and end and not dag.reaches(start, end):
                yield Problem(
                    f"dags/{dag.file}", name, f"it reads `{read}` and does not wait for it. Write `>>` between the two."
                )


def _likely_file(dags: list[Dag], contract: Contract, reads: list[str]) -> str:
    """Return the file that builds most tables that the table reads, else most tables of its domain."""
    domain = f".{contract.table.domain}."
    if not dags:
        return f"{contract.table.domain}.py"
    best = max(dags, key=lambda dag: (len(dag.tables & set(reads)), sum(domain in name for name in dag.tables)))
    fits = best.tables & set(reads) or any(domain in name for name in best.tables)
    return best.file if fits else f"{contract.table.domain}.py"


def _readable(contract: Contract) -> list[str]:
    from lakeworks.errors import ContractError

    try:
        return inputs(contract)
    except ContractError:  # the SQL's own check says why
        return []
