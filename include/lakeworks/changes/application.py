"""Application of a plan: its backfills are started in the order of the data, each stage after the one before has ended."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from lakeworks.airflow_api import Airflow
from lakeworks.backfill import runs
from lakeworks.backfill.plan import Doings, chunks, make_plan
from lakeworks.backfill.runs import Backfill
from lakeworks.changes.applied_plans import (
    AppliedPlan,
    AppliedStage,
    PlanRegister,
    PlanState,
    StoredPlan,
    applied_table,
    plan_fingerprint,
    plan_name,
)
from lakeworks.changes.costs import Estimate
from lakeworks.changes.plans import TablePlan
from lakeworks.changes.stages import Stage, stages_of
from lakeworks.errors import ConfigError, FencedError
from lakeworks.lake import Lake

_SAYS_SO_EVERY = 60.0  # seconds


@dataclass(frozen=True)
class PlanRequest:
    """A person's request to apply a plan."""

    by: str
    expected: str = ""  # fingerprint of the plan that the person saw; empty: whatever the plan is now
    unpause: bool = False
    requests: int = 0


@dataclass
class Application:
    """One application of a plan. `begin` makes it; `started` goes through its stages."""

    lake: Lake
    airflow: Airflow
    stages: Sequence[Stage]
    held: StoredPlan
    unpause: bool
    _said: float = field(default_factory=time.monotonic)

    @property
    def document(self) -> AppliedPlan:
        """The plan's document as it is now."""
        return self.held.document

    @classmethod
    def begin(
        cls, lake: Lake, airflow: Airflow, plans: Sequence[TablePlan], costs: Sequence[Estimate], request: PlanRequest
    ) -> "Application":
        """Check everything, then write the plan's document. Nothing is started yet.

        Raises:
            ConfigError: no DAG builds a table, or a DAG is paused.
            FencedError: the plan is another one than the person saw, or another person applies one now.
            LakeUnavailable: Airflow does not answer.
        """
        fingerprint = plan_fingerprint(plans)
        if request.expected and fingerprint != request.expected:
            raise FencedError(
                f"The plan changed since it was shown: it is {fingerprint} now, and not {request.expected}. Nothing was "
                "started. Look at the new plan: lakeworks plan"
            )
        register = PlanRegister(lake.store)
        number = register.next_number()  # before Airflow is asked: the runs of an earlier plan are under way by then
        stages = stages_of(airflow, lake, plans)
        _refuse_paused(stages, request)
        now = lake.store.now()
        document = AppliedPlan(
            name=plan_name(number),
            number=number,
            fingerprint=fingerprint,
            created_by=request.by,
            created_at=now,
            seen_at=now,
            requests=request.requests,
            tables=tuple(applied_table(item, cost) for item, cost in zip(plans, costs, strict=True) if item.rebuilt),
            stages=tuple(
                AppliedStage(dag=stage.dag.dag_id, tables=stage.tables, periods=stage.plan.to_run) for stage in stages
            ),
        )
        return cls(lake, airflow, stages, register.create(document), request.unpause)

    def started(self, follow: Callable[[Backfill], bool]) -> Iterator[tuple[Stage, Backfill | None]]:
        """Start one stage after another and yield each. `follow` waits for its end, and returns True if all is well.

        A failed stage is the last one: what is built from it would be built from old rows. If this process ends before the last
        stage, the document says `stopped`, and the runs that were started go on.
        """
        state: PlanState = "stopped"
        try:
            for place, stage in enumerate(self.stages):
                ready = self._still_to_run(stage) if place else stage
                begun = self._start(place, ready) if ready.plan.runs else None
                yield ready, begun
                last = place == len(self.stages) - 1
                if last or begun is None or follow(begun):
                    continue
                return
            state = "started"
        finally:
            self._keep(state=state)

    def alive(self) -> None:
        """Say that this process is at work, once a minute."""
        if time.monotonic() >= self._said + _SAYS_SO_EVERY:
            self._said = time.monotonic()
            self._keep(seen_at=self.lake.store.now())

    def _start(self, place: int, stage: Stage) -> Backfill:
        begun = runs.start(self.airflow, stage.plan, self.lake.store.now())
        if stage.dag.paused and self.unpause:  # only now, so that scheduled runs queue behind these
            self.airflow.call("PATCH", f"dags/{stage.dag.dag_id}", json={"is_paused": False})
        stages = list(self.document.stages)
        stages[place] = stages[place].model_copy(update={"backfill": begun.id, "periods": stage.plan.to_run})
        self._keep(stages=tuple(stages), seen_at=self.lake.store.now())
        return begun

    def _still_to_run(self, stage: Stage) -> Stage:
        """Leave out periods that publications of an earlier stage have started or brought already."""
        plan, dag = stage.plan, stage.dag
        place = self.lake.run_place
        doings = Doings(self.airflow.activities(dag.tables, place).known, self.airflow.under_way(dag.dag_id, place))
        now = make_plan(self.lake, dag, plan.periods, doings, "all")
        to_run = [period for period in now.periods_to_run if period in set(plan.periods)]
        left = chunks(to_run, "year" if dag.grain == "month" else "month", plan.left)
        return replace(stage, plan=replace(plan, runs=tuple(left), under_way=now.under_way))

    def _keep(self, **update: object) -> None:
        document = self.document.model_copy(update=update)
        self.held = PlanRegister(self.lake.store).replace(self.held, document)


def _refuse_paused(stages: Sequence[Stage], request: PlanRequest) -> None:
    paused = [stage.dag.dag_id for stage in stages if stage.dag.paused]
    if paused and not request.unpause:
        names = ", ".join(f"`{name}`" for name in paused)
        raise ConfigError(
            f"{names}: paused, so its runs would wait, and so would the tables downstream. Nothing was started. Add "
            "--unpause; runs of their schedules then start too."
        )
