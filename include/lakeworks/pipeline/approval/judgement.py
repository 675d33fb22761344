"""ApprovalJudgement of staged rows by the contract's `approval`: whether a person has to approve them, and why."""

from collections.abc import Iterator, Mapping

from lakeworks.contract import Approval, Contract
from lakeworks.contract.evolution import changes
from lakeworks.core.names import LINEAGE_COLUMNS
from lakeworks.core.partition import Partition
from lakeworks.engines.comparison import compare_rows
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.run_record import ApprovalJudgement, RunRecord, StagedPartition
from lakeworks.parquet.dataset import nothing, open_objects
from lakeworks.pipeline import contract_history


def judge(lake: Lake, contract: Contract, manifest: RunRecord) -> ApprovalJudgement:
    """Compare an attempt's staged rows and contract with what is live.

    A run that a newer one has fenced needs no one: it cannot be published.

    Raises:
        LakeNotFound: staged or live objects are gone.
        ContractError: the stored contract cannot be read.
    """
    entries = live_entries(lake, contract, manifest)
    live = {partition.path: entry.live_seq if entry else 0 for partition, entry in entries.items()}
    rules = contract.approval
    if rules is None or is_fenced(manifest, entries):
        return ApprovalJudgement(live=live)
    reasons = [*_of_contract(lake, contract, rules), *_of_rows(lake, contract, rules, manifest, entries)]
    return ApprovalJudgement(reasons=tuple(reasons), live=live)


def live_entries(lake: Lake, contract: Contract, manifest: RunRecord) -> dict[Partition, LedgerEntry | None]:
    """Return what is live of each partition that an attempt would publish, emptied ones of late data included."""
    partitions = [Partition.parse(path) for path in {item.partition: None for item in manifest.partitions}]
    partitions += [part for path in manifest.touched or () if (part := Partition.parse(path)) not in partitions]
    found = lake.store.map(lambda partition: lake.ledger.live(contract.table, partition), partitions)
    return dict(zip(partitions, found, strict=True))


def is_fenced(manifest: RunRecord, entries: Mapping[Partition, LedgerEntry | None]) -> bool:
    """Return True if a newer run has published other rows of a partition."""
    if manifest.touched is not None:  # late data is built from the latest state, and has no order
        return False
    staged = {item.parsed: item.content for item in manifest.partitions}
    newer = [entry for entry in entries.values() if entry and entry.run.order > manifest.run.order]
    return any(staged.get(entry.parsed) != entry.content for entry in newer)


def _of_contract(lake: Lake, contract: Contract, rules: Approval) -> Iterator[str]:
    if not (rules.breaking_change or rules.personal_data_added):
        return
    known = contract_history.published(lake, contract)
    if known is None:
        return
    breaking = [change for change in changes(known, contract) if change.effect == "breaking"]
    if rules.breaking_change and breaking:
        listed = "; ".join(f"`{change.where}`: {change.what}" for change in breaking)
        yield f"version {contract.version} breaks readers of {known.version}: {listed}"
    before = {name for name, column in known.columns.items() if column.pii}
    added = [name for name, column in contract.columns.items() if column.pii and name not in before]
    if rules.personal_data_added and added:
        yield f"personal data is added: {', '.join(f'`{name}`' for name in added)}"


def _of_rows(
    lake: Lake,
    contract: Contract,
    rules: Approval,
    manifest: RunRecord,
    entries: Mapping[Partition, LedgerEntry | None],
) -> Iterator[str]:
    limit = rules.changed_rows_above
    if limit is None:
        return
    staged = {item.parsed: item for item in manifest.partitions}
    known = {partition: entry for partition, entry in entries.items() if entry and entry.rows}
    rows = sum(entry.rows for entry in known.values())
    changed = sum(_changed(lake, contract, entry, staged.get(partition)) for partition, entry in known.items())
    if rows and changed > limit * rows:
        yield (
            f"{changed:,} rows are added, removed or changed, of {rows:,} live rows in {len(known):,} partitions: "
            f"{changed / rows:.1%}, more than {limit:.1%}"
        )


def _changed(lake: Lake, contract: Contract, live: LedgerEntry, staged: StagedPartition | None) -> int:
    """Return the rows of a partition that differ by grain. Another fetch of the same row is the same row."""
    if staged is None:
        return live.rows
    if staged.content == live.content:
        return 0
    with lake.engine.session() as session:
        after = staged_objects(staged)
        old = open_objects(lake.store, live.objects)
        new = open_objects(lake.store, after) if after else nothing(contract)
        session.attach("before", old)
        session.attach("after", new)
        shared = [name for name in new.schema.names if name in old.schema.names]
        grain = [name for name in contract.grain if name in shared]
        values = [name for name in shared if name not in LINEAGE_COLUMNS or name in grain]
        compared = compare_rows(session, grain, values)
    return compared.added + compared.removed + compared.changed


def staged_objects(staged: StagedPartition) -> tuple[LiveObject, ...]:
    """Return a partition's staged files as readers open them."""
    return tuple(
        LiveObject(key=item.key, size=item.size, sha256=item.sha256, rows=item.rows, source_key=item.key)
        for item in staged.objects
    )
