"""The DAG files: what they contain, what they import, what every task has."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakeworks.contract import all_tables, load_contract
from lakeworks.transform.examples import inputs

REPOSITORY = Path(__file__).resolve().parents[2]
# A fresh process: what parsing imports and how long it takes beyond Airflow's own import.
PROBE = """
import copy, json, sys, time, warnings
warnings.simplefilter("ignore")
import airflow.sdk, airflow.dag_processing.dagbag as bags
heavy = ("pandas", "pyarrow", "duckdb", "great_expectations", "sqlglot", "numpy")
already = {name for name in heavy if name in sys.modules}
before = time.process_time()
bag = bags.DagBag(sys.argv[1])
seconds = time.process_time() - before
dags = {
    dag_id: {
        "doc": bool(dag.doc_md), "max_active_runs": dag.max_active_runs, "tags": sorted(dag.tags), "retries": {t.task_id: t.retries for t in dag.tasks},
        "teardowns": [t.task_id for t in dag.tasks if t.is_teardown],
        "tables": sorted({t.table for t in dag.tasks if "{{" not in getattr(t, "table", "{{")}),
        "downstream": {t.task_id: sorted(t.downstream_task_ids) for t in dag.tasks},
        "tenants": {t.task_id: getattr(t.unmap({"table": "a.b.c"}) if hasattr(t, "unmap") and "Dag" not in t.operator_name else t, "tenant", None) for t in dag.tasks},
        "file": dag.fileloc.rpartition("/")[2],
        "outlets": sorted(o.name for t in dag.tasks for o in t.outlets),
        "started_by": sorted(a.name for a in getattr(getattr(dag.timetable, "asset_condition", None), "objects", ()) if not getattr(a, "watchers", ())),
        "templates": {t.task_id: list(t.template_fields) for t in dag.tasks},
        "params": {name: {"description": param.description, **param.schema} for name, param in dag.params.items()},
    }
    for dag_id, dag in bag.dags.items()
}
from airflow.serialization.serialized_objects import DagSerialization
from airflow.exceptions import ParamValidationError
unserialisable, taken, refused = {}, [], []
def fits(param, value):
    try:
        copy.deepcopy(param).resolve(value=value)  # as Airflow's API does with a trigger's values, before the run exists
    except ParamValidationError:
        return False
    return True
for dag_id, dag in bag.dags.items():
    for name, param in dag.params.items():
        wrong = {"boolean": ["July", 3], "integer": ["July", 0, 2.5], "array": ["July", ["Ju\\nly"], ["no_table"]]}
        kinds = param.schema.get("type", "string")
        kind = next(one for one in ([kinds] if isinstance(kinds, str) else kinds) if one != "null")
        taken += [(dag_id, name, value) for value in wrong.get(kind, ["Ju\\nly", 7, "x" * 5000 + "\\n="]) if fits(param, value)]
        examples = [[one] if kind == "array" else one for one in param.schema.get("examples", [])]  # of an array: its choices
        refused += [(dag_id, name, value) for value in examples if not fits(param, value)]
loaded = [name for name in heavy if name in sys.modules and name not in already]
for dag_id, dag in bag.dags.items():
    try:
        DagSerialization.to_dict(dag)
    except Exception as error:
        unserialisable[dag_id] = str(error)
print(json.dumps({"taken": taken, "refused": refused, "unserialisable": unserialisable, "errors": bag.import_errors, "dags": dags, "loaded": loaded, "seconds": seconds, "files": len(bag.dagbag_stats)}))
"""


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import os

    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite://",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "LAKE_TENANTS": "acme, acme-emea",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(REPOSITORY / "dags")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_every_file_parses(bag: Any) -> None:
    assert bag["errors"] == {}
    assert set(bag["dags"]) >= {
        "lake_bootstrap",
        "lake_costs",
        "lake_freshness",
        "lake_maintenance",
        "taxi",
        "taxi__acme",
        "taxi__acme-emea",
        "tenant_onboarding",
        "commerce",
        "commerce_events",
        "commerce_stream",
        "commerce_monthly",
        "market",
        "market_reference",
        "market_crypto",
        "market_intraday",
        "market_yahoo",
        "reports",
    }


def test_every_dag_can_be_stored(bag: Any) -> None:
    """Parsing is not enough: `owner` as a template field parsed, and the stack never saw the DAG."""
    assert bag["unserialisable"] == {}


def test_every_field_of_a_trigger_form_says_what_it_takes(bag: Any) -> None:
    """Without a pattern `July` started a run, which failed in its first task."""
    fields = [(f"{dag}: {name}", field) for dag, one in bag["dags"].items() for name, field in one["params"].items()]
    assert len(fields) > 50
    for where, field in fields:
        assert field["title"], where
        assert field["description"], where
        if "enum" in field or field["type"] == "boolean":
            continue
        assert field.get("examples") or "default" in field or "like" in field["description"], f"{where} has no example"
        if "integer" in field["type"]:
            assert field["minimum"] >= 1, where
        else:
            assert "pattern" in (field["items"] if "array" in field["type"] else field), f"{where} has no pattern"


def test_the_field_of_tables_to_leave_offers_those_of_its_dag(bag: Any) -> None:
    """Airflow's form makes a list of choices of it. It had none, so that no table could be named."""
    offered = {
        dag: set(one["params"]["leave"]["examples"]) for dag, one in bag["dags"].items() if "leave" in one["params"]
    }
    assert len(offered) > 8
    for dag, tables in offered.items():
        assert tables >= set(bag["dags"][dag]["tables"]) > set(), dag
        assert tables <= {*all_tables()}, dag


def test_a_trigger_form_refuses_wrong_values_and_takes_its_own_examples(bag: Any) -> None:
    assert bag["taken"] == [], "Airflow would start a run with these"
    assert bag["refused"] == []


def test_parsing_loads_nothing_heavy(bag: Any) -> None:
    assert bag["loaded"] == []


def test_parsing_stays_within_its_budget(bag: Any) -> None:
    """0.3 s a file beyond Airflow's own import (design 9), with room for a busy machine: CPU time, not wall time."""
    assert bag["seconds"] / bag["files"] < 1.0


def test_every_table_is_built_by_exactly_one_dag(bag: Any) -> None:
    built = [table for name, dag in bag["dags"].items() if "__" not in name for table in dag["tables"]]
    assert sorted(built) == sorted(all_tables()), "name the table in its domain's DAG file"


def test_every_dag_explains_itself_and_every_task_retries(bag: Any) -> None:
    for name, dag in bag["dags"].items():
        assert dag["doc"], name
        assert dag["tags"], name
        assert all(retries >= 1 for retries in dag["retries"].values()), name


def test_a_tables_steps_follow_each_other(bag: Any) -> None:
    for name, dag in bag["dags"].items():
        for table in dag["tables"]:
            group, edges = f"{table.split('.')[0]}_{table.split('.')[2]}", dag["downstream"]
            if f"{group}.write" not in edges:
                continue
            assert edges[f"{group}.write"] == [f"{group}.audit"], name
            asks = [f"{group}.approve"] if load_contract(table).approval else []
            assert edges[f"{group}.audit"] == [*asks, f"{group}.publish"], name
            if f"{group}.fetch" in edges:
                assert edges[f"{group}.fetch"] == [f"{group}.write"], name


def test_no_dag_has_a_teardown(bag: Any) -> None:
    """Airflow leaves a queued run with a teardown queued when it is set to failed: `backfill cancel` cancelled nothing."""
    assert {name: dag["teardowns"] for name, dag in bag["dags"].items() if dag["teardowns"]} == {}


def test_commerce_runs_one_at_a_time(bag: Any) -> None:
    assert bag["dags"]["commerce"]["max_active_runs"] == 1, "two runs may re-open the same day"


def test_within_a_dag_a_table_is_built_after_every_table_it_reads(bag: Any) -> None:
    for name, dag in bag["dags"].items():
        edges = dag["downstream"]
        for table in dag["tables"]:
            for read in inputs(load_contract(table)):
                if read in dag["tables"]:
                    start, end = (f"{one.split('.')[0]}_{one.split('.')[2]}" for one in (read, table))
                    assert reaches(edges, f"{start}.publish", f"{end}.write"), (
                        f"{name}: {table} does not wait for {read}"
                    )


def reaches(edges: dict[str, list[str]], start: str, end: str) -> bool:
    return start == end or any(reaches(edges, task, end) for task in edges[start])


# These work on the whole lake with the owner's credentials: the bill names each tenant in a column of its own, the inbox's queue
# has every tenant's events.
OWNERS = {"lake_bootstrap", "lake_costs", "lake_inbox", "tenant_onboarding"}


def test_a_tenants_dag_is_the_same_with_assets_of_its_own(bag: Any) -> None:
    """So that a publication of one tenant starts nothing of another's."""
    of_lake = {name for name in bag["dags"] if "__" not in name}
    assert {name for name in of_lake if f"{name}__acme" not in bag["dags"]} == OWNERS
    for name in of_lake - OWNERS:
        lake, acme = bag["dags"][name], bag["dags"][f"{name}__acme"]
        assert (acme["downstream"], acme["tables"]) == (lake["downstream"], lake["tables"])
        assert acme["outlets"] == [f"{outlet}@acme" for outlet in lake["outlets"]]
        assert acme["started_by"] == [f"{asset}@acme" for asset in lake["started_by"]]
        assert {*acme["tags"]} == {*lake["tags"], "tenant:acme"}
        assert set(acme["tenants"].values()) == {"acme"}, "every task"
        assert set(lake["tenants"].values()) == {None}


def test_a_dag_lies_in_the_file_that_names_its_tables(bag: Any) -> None:
    for name, dag in bag["dags"].items():
        assert dag["file"] == f"{name.partition('__')[0]}.py"


def test_every_publish_emits_its_tables_asset(bag: Any) -> None:
    for name, dag in bag["dags"].items():
        _, _, tenant = name.partition("__")
        assert dag["outlets"] == [f"{table}@{tenant}" if tenant else table for table in dag["tables"]], name


def test_consumers_are_started_by_assets_that_some_dag_makes(bag: Any) -> None:
    made = {outlet for dag in bag["dags"].values() for outlet in dag["outlets"]}
    started = {name: set(dag["started_by"]) for name, dag in bag["dags"].items() if dag["started_by"]}
    assert {"commerce_monthly", "reports", "reports__acme"} <= set(started)
    assert set().union(*started.values()) <= made


def test_documented_template_fields_are_templated(bag: Any) -> None:
    fields = bag["dags"]["taxi"]["templates"]
    assert fields["silver_trips.write"] == ["table"]
    assert fields["silver_trips.audit"] == ["table", "staged"]


def test_airflow_does_not_execute_our_package_under_bare_names() -> None:
    assert "lakeworks_airflow/" in (REPOSITORY / "plugins" / ".airflowignore").read_text().splitlines()


def test_a_night_finishes_and_expires_first_and_collects_garbage_last(bag: Any) -> None:
    """Garbage ran beside `verify`: it took the staged files that a half-placed run needed to be finished."""
    after = bag["dags"]["lake_maintenance"]["downstream"]
    order = ["roll_forward", "expire", "catalog", "verify", "compact", "hold", "garbage"]
    assert after == {task: order[place + 1 : place + 2] for place, task in enumerate(order)}
