"""A transform that another engine ran: started in one task, completed in the same or a later one."""

from dataclasses import dataclass

from lakeworks.engines.duckdb import DuckDbSession
from lakeworks.ledger.build_plan import BuildPlan, RemoteEngine
from lakeworks.ledger.run_record import Input, Run
from lakeworks.parquet.dataset import nothing
from lakeworks.pipeline.build_inputs import changed, check_milliseconds, plan_of
from lakeworks.pipeline.remote_build import begin, built_rows, started, wait
from lakeworks.pipeline.run_inputs import RunInputs

_BUILT = "_built"


@dataclass(frozen=True)
class Transformed:
    """The SQL that gives a transform's rows in the session, and the publications they come from.

    `is_input` is true for rows that the table's group function still has to see. `output` is the prefix of another engine's
    files.
    """

    sql: str
    inputs: tuple[Input, ...]
    is_input: bool = True
    engine: str = ""
    output: str = ""


def started_build(inputs: RunInputs, run: Run, engine: RemoteEngine) -> str:
    """Start the build of a run and return its id; of a build that the attempt has started, that id.

    Raises:
        ContractError: the engine would lose microseconds.
        StaleBuild: an input is being published right now.
    """
    plan = plan_of(inputs, run, engine.name)
    if engine.detached and (build := started(inputs.lake, plan.prefix)):
        return build  # another plan over it would hide that its inputs have changed
    if not engine.keeps_microseconds:
        check_milliseconds(inputs)
    return begin(inputs.lake, engine, plan)


def completed(inputs: RunInputs, run: Run, engine: RemoteEngine, session: DuckDbSession) -> Transformed:
    """Attach the rows that the engine built. A build that was started before is taken, if its inputs are still live.

    Raises:
        StaleBuild: an input was published again since the build was started.
        EngineFailed: the build died, or its files are not what it counted.
        ContractError: the engine refuses the SQL.
    """
    lake, plan = inputs.lake, plan_of(inputs, run, engine.name)
    build = started(lake, plan.prefix) if engine.detached else None
    if build is None:
        build = started_build(inputs, run, engine)
    elif (planned := BuildPlan.load(lake.store, plan.prefix)) is None or not planned.reads_same(plan):
        raise changed(plan, "an input")
    if error := wait(lake, engine, plan, build).error:
        raise error
    rows, reader = built_rows(lake, engine, plan, build)
    for name, source in inputs.sources.items():
        session.rows[str(name)] = source.rows
    session.attach(_BUILT, reader if rows.files else nothing(inputs.contract))
    used = tuple(item for source in inputs.sources.values() for item in source.publications())
    return Transformed(f"SELECT * FROM {_BUILT}", used, bool(rows.files), rows.engine, plan.output)
