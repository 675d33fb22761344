"""Opening of a dev lake: pin what is live, then store its document. Nothing is copied."""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakeworks.branches.document import DevDocument, DevRegister
from lakeworks.branches.pins import Pins
from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.s3.dev_branch import dev_name

log = logging.getLogger(__name__)
DAYS = 14


@dataclass(frozen=True)
class DevRequest:
    """The dev lake to open."""

    name: str
    tables: Sequence[str] = ()
    first: str | None = None
    last: str | None = None
    follow: bool = False
    days: int = DAYS
    by: str = ""


def open_dev_lake(lake: Lake, contracts: Sequence[Contract], request: DevRequest) -> DevDocument:
    """Open a dev lake over the live lake. Its document is the last object written, so a killed start leaves no dev lake.

    Raises:
        ConfigError: the name, the range or the life is wrong, or the name is taken; nothing was opened.
        ContractError: a table is not in the project.
    """
    _refuse_wrong(lake, request)
    known = {contract.name for contract in contracts}
    if unknown := sorted(set(request.tables) - known):
        raise ConfigError(f"`{unknown[0]}` is not a table of this project. Nothing was opened. See: lakeworks tables")
    now = datetime.now(UTC)
    document = DevDocument(
        name=dev_name(request.name),
        token=secrets.token_hex(4),
        tables=tuple(sorted(set(request.tables))),
        first=request.first,
        last=request.last,
        follow=request.follow,
        created_by=request.by,
        created_at=now,
        expires_at=now + timedelta(days=request.days),
    )
    register = DevRegister(lake.store)
    if document.name in register.documents.names():
        register.create(document)  # refused with its message, before anything is pinned
    if not request.follow:
        _pin(lake, contracts, document)
    return register.create(document).document


def refresh(lake: Lake, contracts: Sequence[Contract], name: str) -> DevDocument:
    """Pin what is live now. What the dev lake built stays; its next build repeats what was built from other inputs.

    Raises:
        ConfigError: there is no such dev lake, or a promotion of it has not ended.
        LostRace: another process changed it meanwhile; its pins are unchanged.
    """
    register = DevRegister(lake.store)
    stored = register.read(name)
    if stored.document.promotion:
        raise ConfigError(
            f"A promotion of dev lake `{name}` has begun and not ended. Nothing was changed. End it: lakeworks dev promote "
            f"{name}"
        )
    document = stored.document.model_copy(update={"pins": secrets.token_hex(4), "pinned_at": datetime.now(UTC)})
    if not document.follow:
        _pin(lake, contracts, document)
    return register.replace(stored, document).document


def _refuse_wrong(lake: Lake, request: DevRequest) -> None:
    if lake.parent is not None:
        raise ConfigError(
            "A dev lake begins at the live lake, not at another dev lake. Nothing was opened. Unset LAKE_DEV."
        )
    if lake.tenant is not None:
        raise ConfigError(
            f"Tenant `{lake.tenant}` has no dev lakes: its role may make no databases. Nothing was opened. Unset LAKE_TENANT."
        )
    most = lake.lifecycle.rollback_days
    if not 1 <= request.days <= most:
        raise ConfigError(
            f"A dev lake lives 1 to {most} days: the bucket keeps replaced versions for `rollback_days` of lake.yml, and it "
            f"reads such versions. {request.days} days were asked for. Nothing was opened."
        )
    if bool(request.first) != bool(request.last):
        raise ConfigError("A range has two ends. Nothing was opened. Give both --from and --to.")
    if request.first and request.last and Period.parse(request.last).end <= Period.parse(request.first).start:
        raise ConfigError(f"--from `{request.first}` is later than --to `{request.last}`. Nothing was opened.")


def _pin(lake: Lake, contracts: Sequence[Contract], document: DevDocument) -> None:
    """Pin the newest whole publication of every partition: one listing a table, one request a partition."""
    pins = Pins(lake.store, document.branch, document.pins)
    for contract in contracts:
        whole = lake.with_whole_runs([contract.table])
        numbers = whole.ledger.numbers(contract.table)

        def pinned(partition: Partition, whole: Lake = whole, contract: Contract = contract) -> int:
            newest = whole.ledger.newest(contract.table, partition)
            return newest.entry.seq if newest else 0

        taken = lake.store.map(pinned, numbers)
        pins.save(contract.table, {part: number for part, number in zip(numbers, taken, strict=True) if number})
        log.info("dev lake %s pins %d partitions of %s", document.name, len(numbers), contract.name)
