"""The gate before publication: rows that need a person's approval pass only with it, and only onto what the person saw."""

from lakeworks.contract import Contract
from lakeworks.core.clock import utc_now
from lakeworks.errors import ApprovalMissing, ApprovalOvertaken
from lakeworks.lake import Lake
from lakeworks.ledger.approvals import ApprovalRegister, ApprovalRequest, Verdict
from lakeworks.ledger.run_record import ApprovalJudgement, RunRecord
from lakeworks.pipeline.approval.judgement import is_fenced, judge, live_entries


def approval_of(lake: Lake, contract: Contract, manifest: RunRecord) -> ApprovalRequest | None:
    """Return the approval of an attempt; None if it needs none. Nothing of a dev lake is live, so nothing there needs one.

    Raises:
        ApprovalMissing: it needs one and has none, or was refused; nothing was published.
        ApprovalOvertaken: another run published since a person looked; the staged files are removed.
    """
    if contract.approval is None or lake.parent:
        return None
    request = ApprovalRegister(lake.store).find(manifest)
    moved = _moved(lake, contract, manifest, request.judged if request else manifest.judged)
    if request is None:
        judged = manifest.judged if manifest.judged and not moved else judge(lake, contract, manifest)
        if not judged.reasons:
            return None
    if request is None or request.state == "waiting":
        reasons = request.judged.reasons if request else judged.reasons
        raise ApprovalMissing(
            f"`{contract.name}` {manifest.period}: {'; '.join(reasons)}. The contract demands a person's approval for that, "
            "and no one has given it. Nothing was published; live data is unchanged. The task `approve` of its DAG asks: "
            f"start its run for {manifest.period}, and answer in Airflow, or by: lakeworks approvals list"
        )
    if request.state == "refused":
        raise ApprovalMissing(
            f"`{contract.name}` {manifest.period}: {request.by or 'no one in time'} refused it"
            f"{f' ({request.note})' if request.note else ''}. Nothing was published; live data is unchanged."
        )
    if moved or request.state == "overtaken":
        overtake(lake, contract, manifest, moved)
    return request


def overtake(lake: Lake, contract: Contract, manifest: RunRecord, moved: str) -> None:
    """End an approved attempt that other publications have overtaken: its approval is void, its staged files go.

    Raises:
        ApprovalOvertaken: always.
    """
    register = ApprovalRegister(lake.store)
    request = register.find(manifest)
    if request:
        register.decide(request, Verdict("overtaken", "", utc_now()))
    clean(lake, manifest.prefix)
    by = f"{request.by} approved it" if request and request.by else "it was approved"
    raise ApprovalOvertaken(
        f"`{contract.name}` {manifest.period}: {by}, but other rows are live since"
        f"{f' ({moved})' if moved else ''}. Nothing of this run was published over them, and its staged files are removed. "
        f"Start a new run for {manifest.period}: it compares with the rows that are live now, and asks again if it has to."
    )


def clean(lake: Lake, staging: str) -> None:
    """Remove an attempt's staged files."""
    lake.store.delete([item.key for item in lake.store.scan(staging)])


def _moved(lake: Lake, contract: Contract, manifest: RunRecord, judged: ApprovalJudgement | None) -> str:
    """Return the first partition whose live rows are no longer those that were looked at; empty if there is none.

    The attempt's own publications, of a publish step that was killed, are no such change, and neither are equal rows.
    """
    if judged is None:
        return ""
    entries = live_entries(lake, contract, manifest)
    staged = {item.parsed: item.content for item in manifest.partitions}
    fenced = is_fenced(manifest, entries)
    for partition, entry in entries.items():
        number = entry.live_seq if entry else 0
        own = entry is not None and entry.content == staged.get(partition)
        if number != judged.live.get(partition.path, 0) and (fenced or not own):
            by = f", by run `{entry.run.id}`" if entry else ""
            return f"{partition}: publication {number}{by}; it was {judged.live.get(partition.path, 0)}"
    return ""
