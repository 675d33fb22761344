"""Plans of acts: what each would change and which run would do it. The facts come from the functions that the commands call."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.dag import PipelineDag, builders, read_dag
from lakeworks.backfill.plan import Plan
from lakeworks.backfill.range_plan import plan_range, read_producer
from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import GRAINS, Partition, Period
from lakeworks.errors import ConfigError, LakeError, LakeNotFound, PartitionKeyError
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.pipeline.downstream_rebuild import downstream
from lakeworks.publications.comparison import PublicationDiff, diff
from lakeworks.publications.rollbacks import plan_rollback
from lakeworks.publications.withdrawal import plan_withdrawal
from lakeworks.quarantine.replays import find
from lakeworks_airflow.lake_page.partition_view import are_small

TITLES = {
    "build": "Build a period",
    "backfill": "Backfill a range",
    "replay": "Replay quarantined rows",
    "rollback": "Roll back",
    "withdraw": "Withdraw",
}
MOST_PERIODS = 40_000  # of a plan that a page shows: four years of hours, a century of days
DAGS = {"replay": "lake_replay", "rollback": "lake_rollback", "withdraw": "lake_withdraw"}


@dataclass(frozen=True)
class ActPlan:
    """The change that an act would make.

    Attributes:
        act: a key of TITLES.
        name: the table.
        dag_id: the DAG that would run.
        paused: True if the DAG's runs wait.
        facts: what changes, in words.
        fields: the form's fields: exactly what was planned.
        conf: the parameters of the DAG run; None for a backfill.
        backfill: the runs of a build or backfill.
        difference: rows that differ between the live publication and the one to come.
        stale: tables that are built from it and become stale.
    """

    act: str
    name: str
    dag_id: str
    paused: bool
    facts: tuple[tuple[str, str], ...]
    fields: Mapping[str, str]
    conf: Mapping[str, Any] | None = None
    backfill: Plan | None = None
    difference: PublicationDiff | None = None
    stale: tuple[str, ...] = field(default=())

    @property
    def title(self) -> str:
        """Return the act's name."""
        return TITLES[self.act]

    @property
    def startable(self) -> bool:
        """Return True if there is something to start."""
        return self.backfill is None or bool(self.backfill.runs)


def dags_for(airflow: Airflow, act: str, name: str) -> list[str]:
    """Return the DAGs that can do an act to a table."""
    if act not in TITLES:
        raise LakeNotFound(f"There is no act `{act}`. There are: {', '.join(TITLES)}.")
    return [DAGS[act]] if act in DAGS else builders(airflow, name)


def plan_act(airflow: Airflow, lake: Lake, act: str, name: str, dag_id: str, asked: Mapping[str, str]) -> ActPlan:
    """Plan an act of a table by one of its DAGs.

    Raises:
        LakeError: it cannot be done as asked; nothing was changed.
    """
    contract = load_contract(name)
    if act in ("build", "backfill"):
        return _runs(airflow, lake, act, contract, dag_id, asked)
    details = airflow.find(f"dags/{dag_id}/details")
    if details is None:
        raise LakeNotFound(
            f"This Airflow has no DAG `{dag_id}` for this act. Nothing was changed. Copy Lakeworks' "
            f"`dags/operations/{dag_id}.py` into the project's DAG folder, or use the command line."
        )
    planned = {"replay": _replay, "rollback": _rollback, "withdraw": _withdraw}[act](lake, contract, asked)
    return ActPlan(act, name, dag_id, bool(details["is_paused"]), stale=tuple(downstream(lake, name)), **planned)


def _rollback(lake: Lake, contract: Contract, asked: Mapping[str, str]) -> dict[str, Any]:
    partition = lake.find_partition(contract, asked.get("path", ""))
    plan = plan_rollback(lake, contract, partition, _number(asked.get("to", "")))
    live, target = plan.live, plan.target
    fields = {"path": partition.path or "all", "to": str(target.seq), "seen": str(live.live_seq)}
    return {
        "facts": (
            ("partition", str(partition)),
            ("live now", _described(live)),
            ("live afterwards", f"the rows of {_described(target)}, as a new publication"),
        ),
        "fields": fields,
        "conf": {
            "table": contract.name,
            "partition": fields["path"],
            "to": target.seq,
            "seen": live.live_seq,
        },
        "difference": _difference(lake, contract, partition, live, target),
    }


def _withdraw(lake: Lake, contract: Contract, asked: Mapping[str, str]) -> dict[str, Any]:
    partition = lake.find_partition(contract, asked.get("path", ""))
    live = plan_withdrawal(lake, contract, partition)
    fields = {"path": partition.path or "all", "seen": str(live.live_seq)}
    return {
        "facts": (
            ("partition", str(partition)),
            ("live now", _described(live)),
            ("live afterwards", "nothing: readers no longer see these rows. A rollback brings them back"),
        ),
        "fields": fields,
        "conf": {"table": contract.name, "partition": fields["path"], "seen": live.live_seq},
    }


def _replay(lake: Lake, contract: Contract, asked: Mapping[str, str]) -> dict[str, Any]:
    period = Period.parse(asked.get("period", ""))
    quarantine = find(lake, contract, period)
    broken = quarantine.balance.broken if quarantine.balance else {}
    rules = ", ".join(f"{rule} ({count:,})" for rule, count in broken.items()) or "not recorded"
    return {
        "facts": (
            ("period", str(period)),
            ("in quarantine", f"{quarantine.rows:,} rows"),
            ("broken rules", rules),
            ("what happens", "the period is built again with the current contract and SQL; rows that keep the rules rejoin"),
        ),
        "fields": {"period": str(period), "rows": str(quarantine.rows)},
        "conf": {"table": contract.name, "period": str(period), "downstream": False},
    }  # fmt: skip


def _runs(airflow: Airflow, lake: Lake, act: str, contract: Contract, dag_id: str, asked: Mapping[str, str]) -> ActPlan:
    """Plan the runs of a build (one period, again if it is done) or of a backfill (what a range lacks)."""
    dag = read_producer(airflow, dag_id) if act == "backfill" else read_dag(airflow, dag_id)
    first, last = asked.get("from", ""), asked.get("to", "") or asked.get("from", "")
    again = act == "build" or asked.get("again") == "yes"
    if not first:
        raise PartitionKeyError(f"Name the first {dag.grain}. Nothing was started.")
    if act == "build":
        first = last = _containing(first, dag)
    _require_short(dag, first, last)
    plan = plan_range(airflow, lake, dag, first, last, asked.get("chunk") or None, again=again)
    facts = [("tables", ", ".join(dag.tables)), ("range", first if first == last else f"{first} to {last}")]
    if plan.days > 1:
        facts.append(("takes", f"about {plan.days} days, by the vendors' daily limits"))
    fields = {
        "dag": dag_id,
        "from": first,
        "to": last,
        "again": "yes" if again else "",
        "chunk": asked.get("chunk", ""),
    }
    return ActPlan(
        act=act, name=contract.name, dag_id=dag_id, paused=dag.paused, facts=tuple(facts), backfill=plan,
        fields={**fields, "runs": _fingerprint(plan), "span": f"{plan.periods[0]}_{plan.periods[-1]}"},
    )  # fmt: skip


def _require_short(dag: PipelineDag, first: str, last: str) -> None:
    """Stop a range that would keep the api-server busy.

    Raises:
        PartitionKeyError: it has too many periods, or a key is none.
    """
    lengths = {"month": timedelta(days=28), "day": timedelta(days=1), "hour": timedelta(hours=1)}
    count = (Period.parse(last).end - Period.parse(first).start) / lengths[dag.grain]
    if count > MOST_PERIODS:
        raise PartitionKeyError(
            f"{first} to {last} has more than {MOST_PERIODS:,} {dag.grain}s. Nothing was started. Plan a shorter range, or use "
            f"the command: lakeworks backfill plan {dag.dag_id} --from {first} --to {last}"
        )


def _containing(text: str, dag: PipelineDag) -> str:
    """Return the DAG's period around a shorter one; a longer one means all its periods."""
    period = Period.parse(text)
    shorter = GRAINS.index(period.grain) > GRAINS.index(dag.grain)
    return str(Period.containing(period.start, dag.grain)) if shorter else text


def _fingerprint(plan: Plan) -> str:
    said = f"{plan.dag.dag_id} " + " ".join(f"{first}/{last}" for first, last in plan.runs)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _number(text: str) -> int | None:
    if text and not (text.isascii() and text.isdecimal()):
        raise ConfigError(f"`{text}` is no number of a publication. Nothing was changed.")
    return int(text) if text else None


def _described(entry: LedgerEntry) -> str:
    if not entry.objects:
        return f"publication {entry.live_seq}, without rows ({entry.kind})"
    return f"publication {entry.live_seq}, {entry.rows:,} rows"


def _difference(
    lake: Lake, contract: Contract, partition: Partition, live: LedgerEntry, target: LedgerEntry
) -> PublicationDiff | None:
    """Return what would differ; None if there are too many rows to compare while a person waits, or none."""
    if not live.objects or not are_small(live, target):
        return None
    try:
        return diff(lake, contract, partition, before=live.live_seq, after=target.seq)
    except LakeError:
        return None  # the live objects cannot be read; the plan holds without the comparison
