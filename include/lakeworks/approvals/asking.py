"""Asking and deciding: a request for approval, its page, and what each answer does. Every step can be repeated."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from lakeworks.contract import Approval, Contract
from lakeworks.core.layout import approval_page_key
from lakeworks.core.names import TableName
from lakeworks.dev.comparison import TableComparison
from lakeworks.dev.report import page
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.approvals import ApprovalRegister, ApprovalRequest, Verdict
from lakeworks.ledger.run_record import ApprovalJudgement, RunRecord, load_run_record
from lakeworks.pipeline.approval.gate import clean
from lakeworks.pipeline.approval.judgement import judge, live_entries, staged_objects
from lakeworks.pipeline.publish_step import entry_for

log = logging.getLogger(__name__)
# The bucket deletes staged files after `lifecycle.staging_days`; an answer shortly before has to find them.
_BEFORE_DELETION = timedelta(hours=12)


def ask(lake: Lake, manifest_key: str, task: Mapping[str, str] | None = None) -> ApprovalRequest | None:
    """Judge an audited attempt, and ask if the contract demands a person; None if no one has to look at it.

    `task` names the Airflow task that waits. A repeated step finds the request of the first one, decided or not.

    Raises:
        LakeNotFound: nothing is staged, and no request is known.
        ContractError: the stored contract cannot be read.
    """
    try:
        manifest = load_run_record(lake.store, manifest_key)
    except LakeNotFound:
        if known := _request_at(lake, manifest_key):
            return known
        raise
    contract = lake.contract(manifest.table)
    if contract.approval is None or lake.parent:  # nothing of a dev lake is live
        return None
    register = ApprovalRegister(lake.store)
    if known := register.find(manifest):
        return known
    judged = judge(lake, contract, manifest)
    manifest = manifest.model_copy(update={"judged": judged}).save(lake.store)
    if not judged.reasons:
        log.info("%s %s needs no approval", manifest.table, manifest.period)
        return None
    _supersede(register, manifest)
    request = _request(lake, manifest, contract.approval, judged, task or {})
    lake.store.put(request.page, _page(lake, contract, manifest, judged).encode())
    return register.ask(request)


def decide(lake: Lake, request: ApprovalRequest, verdict: Verdict) -> ApprovalRequest:
    """Record the answer, and return the request as it is decided: the first answer stays.

    A refusal removes the staged files. An approval changes nothing: the publish step of the run publishes them.
    """
    decided = ApprovalRegister(lake.store).decide(request, verdict)
    if decided.state == "refused":
        clean(lake, decided.staging)
    log.info("%s %s: %s by %s", decided.table, decided.period, decided.state, decided.by or "no one in time")
    return decided


def _request_at(lake: Lake, manifest_key: str) -> ApprovalRequest | None:
    _, *names, period, attempt, _ = manifest_key.split("/")
    return ApprovalRegister(lake.store).at(TableName(*names), period.removeprefix("period="), attempt)


def _request(
    lake: Lake, manifest: RunRecord, rules: Approval, judged: ApprovalJudgement, task: Mapping[str, str]
) -> ApprovalRequest:
    now = datetime.now(UTC)
    longest = max(timedelta(days=lake.lifecycle.staging_days) - _BEFORE_DELETION, _BEFORE_DELETION)
    return ApprovalRequest(
        table=manifest.table,
        period=manifest.period,
        run=manifest.run,
        judged=judged,
        staging=manifest.prefix,
        page=approval_page_key(manifest.parsed_table, manifest.parsed_period, manifest.run.key),
        task=dict(task),
        asked_at=now,
        until=now + min(timedelta(hours=rules.wait_hours), longest),
    )


def _supersede(register: ApprovalRegister, manifest: RunRecord) -> None:
    """End the open requests of earlier tries of the same run: no task waits for them any more."""
    for earlier in register.of_table(manifest.parsed_table):
        if earlier.state == "waiting" and (earlier.run.id, earlier.period) == (manifest.run.id, manifest.period):
            register.decide(earlier, Verdict("overtaken", "", datetime.now(UTC), "the run was started again"))


def _page(lake: Lake, contract: Contract, manifest: RunRecord, judged: ApprovalJudgement) -> str:
    """Return the page that compares the staged rows with what is live."""
    live = live_entries(lake, contract, manifest)
    pairs = {
        item.parsed: (
            live[item.parsed],
            entry_for(contract, manifest, item).model_copy(update={"objects": staged_objects(item)}),
        )
        for item in sorted(manifest.partitions, key=lambda item: item.partition)
    }
    changes = [TableComparison(lake, contract, "staged").of(pairs)] if pairs else []
    title = f"{manifest.table} {manifest.period} waits for approval"
    return page(title, changes, [*judged.reasons, f"Run {manifest.run.id}. Live data is unchanged until then."])
