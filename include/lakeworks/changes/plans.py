"""The plan of a change: the tables whose code differs from what published their partitions, and the tables that follow."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lakeworks.changes.column_changes import CodeChange, Reach, code_changes, reach_of, widened
from lakeworks.changes.table_code import TableCode
from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.code_record import load_code_record
from lakeworks.project import Project
from lakeworks.status.partition_index import PartitionIndex, PublishedPartition, slots_read
from lakeworks.transform.column_forms import Form
from lakeworks.transform.fingerprints import code_fingerprint
from lakeworks.transform.sql import upstream

_UNKNOWN = CodeChange("values", "", "the code that published it was not recorded")
_Published = Mapping[Partition, PublishedPartition]


@dataclass(frozen=True)
class TablePlan:
    """One table of the plan.

    `because` names the changed upstream columns that it uses. `spared_by` names changed upstream tables of which it uses no
    changed column: for them, nothing has to be built.
    """

    contract: Contract
    changes: tuple[CodeChange, ...]
    reach: Reach
    rebuilt: _Published = field(default_factory=dict)
    kept: int = 0
    because: tuple[str, ...] = ()
    spared_by: tuple[str, ...] = ()
    excluded: Mapping[Partition, str] = field(default_factory=dict)  # with the reason; they would be built again
    asks_again: bool = False  # its source or the source's options changed, so what has landed does not do
    fixed: frozenset[Partition] = frozenset()  # an input expired, so they cannot be built again

    @property
    def periods(self) -> list[Period]:
        """The periods of the runs that built the partitions to rebuild."""
        return sorted({Period.parse(known.period) for known in self.rebuilt.values()}, key=lambda period: period.start)


def change_plan(
    lake: Lake, contracts: Sequence[Contract], chosen: Iterable[str] = (), since: Project | None = None
) -> list[TablePlan]:
    """Return the tables to rebuild, upstream tables first. `chosen` limits the changes to some tables' own code.

    With `since`, compare with that project, and not with the code that published each partition.

    Raises:
        ContractError: a table's SQL or Python does not parse, or a stored contract cannot be read.
    """
    limits, facts = set(chosen), PartitionIndex(lake)
    planned: dict[str, TablePlan] = {}
    for contract in _in_order(facts, contracts):
        new = TableCode.of_project(contract, lake.contract)
        published = {part: known for part, known in facts.published(contract).items() if known.period}
        own = TablePlan(contract, (), Reach())
        if not limits or contract.name in limits:
            own = _since(since, new, published) if since else _own(lake, new, published)
        above = {name: item for name, item in planned.items() if item.reach or item.rebuilt}
        following = _possible(facts, _following(new, published, own, above))
        if following.changes or following.because or following.spared_by:
            planned[contract.name] = following
    return list(planned.values())


def _in_order(facts: PartitionIndex, contracts: Sequence[Contract]) -> Iterator[Contract]:
    """Yield tables after the tables that they read."""
    by_name = {contract.name: contract for contract in contracts}
    done: set[str] = set()

    def visit(contract: Contract) -> Iterator[Contract]:
        if contract.name in done:
            return
        done.add(contract.name)
        for source in facts.upstreams(contract):
            yield from visit(by_name.get(source.name, source))
        yield contract

    for contract in contracts:
        yield from visit(contract)


def _own(lake: Lake, new: TableCode, published: _Published) -> TablePlan:
    """Return what the table's own code changes: against each code that published a partition."""
    code = code_fingerprint(new.contract, lake.contract)
    other = {part: known for part, known in published.items() if not code.made(known.code)}
    distinct: dict[CodeChange, None] = {}
    asks_again = False
    for recorded in sorted({known.code for known in other.values()}):
        record = load_code_record(lake.store, new.contract.table, recorded)
        old = TableCode.of_record(record, lake.contract) if record else None
        distinct.update(dict.fromkeys(code_changes(old, new) if old else [_UNKNOWN]))
        asks_again |= old is not None and _source(old) != _source(new)
    changes = tuple(distinct)
    return TablePlan(new.contract, changes, reach_of(list(changes), new), other, asks_again=asks_again)


def _source(code: TableCode) -> tuple[str | None, Mapping[str, object]]:
    return code.contract.source, code.contract.source_options


def _since(project: Project, new: TableCode, published: _Published) -> TablePlan:
    """Return what the table's own code changes against another project; a table that is new there is not compared."""
    old = TableCode.of_folder(new.contract.name, project)
    changes = code_changes(old, new) if old else []
    moved = [change for change in changes if change.kind != "cosmetic"]
    asks_again = old is not None and _source(old) != _source(new)
    reach = reach_of(changes, new)
    return TablePlan(new.contract, tuple(changes), reach, published if moved else {}, asks_again=asks_again)


def _following(new: TableCode, published: _Published, own: TablePlan, above: Mapping[str, TablePlan]) -> TablePlan:
    """Add what changes because of upstream tables: only columns that it uses count."""
    read = [above[str(name)] for name in upstream(new.sql) if str(name) in above] if new.sql else []
    reached, because, spared = own.reach, [], []
    rebuilt = dict(own.rebuilt)
    for source in read:
        more = _through(new, source)
        if not more:
            spared.append(source.contract.name)
            continue
        reached = Reach(reached.columns | more.columns, reached.every or more.every)
        because.append(_named(source, new))
        rebuilt |= _reading(new.contract, published, source)
    return replace(
        own,
        reach=widened(new, reached),
        rebuilt=rebuilt,
        kept=len(published) - len(rebuilt),
        because=tuple(because),
        spared_by=tuple(spared),
    )


def _possible(facts: PartitionIndex, wanted: TablePlan) -> TablePlan:
    """Leave out what a person excluded, and what cannot be built again because an input has expired."""
    ranges, contract = facts.exclusions(wanted.contract), wanted.contract
    why = {part: [x.why for x in ranges if x.holds(part, known.period)] for part, known in wanted.rebuilt.items()}
    excluded = {part: reasons[0] for part, reasons in why.items() if reasons}
    left = {part: known for part, known in wanted.rebuilt.items() if part not in excluded}
    periods = {known.period for known in left.values()}
    expired = {period for period in periods if facts.has_expired_input(contract, Period.parse(period))}
    fixed = frozenset(part for part, known in left.items() if known.period in expired)
    rebuilt = {part: known for part, known in left.items() if part not in fixed}
    return replace(wanted, rebuilt=rebuilt, excluded=excluded, fixed=fixed)


def _through(new: TableCode, source: TablePlan) -> Reach:
    """Return the columns of a table that change with an upstream table."""
    forms, name = new.forms, source.contract.name
    if forms is None or source.reach.every:
        return Reach(every=True)
    touched = {(name, column) for column in source.reach.columns}
    if {(table, column.lower()) for table, column in forms.rows.uses} & touched:
        return Reach(every=True)
    columns = (column for column, form in forms.columns.items() if {(t, c.lower()) for t, c in form.uses} & touched)
    names = frozenset(column.lower() for column in columns)
    return Reach(names, every=bool(names and new.functions))


def _named(source: TablePlan, new: TableCode) -> str:
    """Return the upstream columns that the table uses and that change."""
    if source.reach.every:
        return source.contract.name
    used = {c.lower() for form in _forms(new) for t, c in form.uses if t == source.contract.name}
    return f"{source.contract.name} ({', '.join(sorted(used & source.reach.columns))})"


def _forms(new: TableCode) -> list[Form]:
    forms = new.forms
    return [forms.rows, *forms.columns.values()] if forms else []


def _reading(contract: Contract, published: _Published, source: TablePlan) -> dict[Partition, PublishedPartition]:
    """Return the published partitions whose runs read a partition that is rebuilt."""
    slots = [part.period for part in source.rebuilt]
    parts = {}
    for part, known in published.items():
        period = Period.parse(known.period)
        for grain, key in slots_read(contract, source.contract, period):
            if any(not grain or slot is None or str(Period.containing(slot.start, grain)) == key for slot in slots):
                parts[part] = known
                break
    return parts
