"""History of published contracts, kept beside the data. A breaking change without a new major version stops a run."""

import logging

from pydantic import ValidationError

from lakeworks.contract import Contract
from lakeworks.contract.evolution import ContractChange, changes, version_needed
from lakeworks.contract.stored_form import parse_stored
from lakeworks.core.layout import contract_key, contracts_prefix
from lakeworks.errors import ContractError, LakeNotFound, LostRace
from lakeworks.lake import Lake
from lakeworks.s3.object_store import Target

log = logging.getLogger(__name__)
# Number of times one attempt retries while others record under the same version.
_TURNS = 3


def published(lake: Lake, contract: Contract) -> Contract | None:
    """Return the contract of the highest version that this table was published by; None before the first publication.

    Raises:
        ContractError: what is stored cannot be read.
    """
    prefixes = lake.store.keys.to_read(contracts_prefix(contract.table))
    listed = next((found for prefix in prefixes if (found := [*lake.store.scan(prefix)])), [])
    if not listed:
        return None
    newest = max(listed, key=lambda item: _number(item.key.rpartition("/")[2].removesuffix(".json")))
    body, etag = lake.store.get_listed(newest.key, newest.etag)
    lake.store.memory.keep(newest.key, etag, body)
    return _parsed(lake, newest.key, body)


def differences(lake: Lake, contract: Contract) -> tuple[Contract | None, list[ContractChange]]:
    """Return the contract of the last publication, and the changes since."""
    known = published(lake, contract)
    return known, changes(known, contract) if known else []


def admit(lake: Lake, contract: Contract) -> None:
    """Let a run begin unless its contract breaks readers under the same major version.

    Raises:
        ContractError: it does; the message names the changes and the version they require.
    """
    known, changes = differences(lake, contract)
    if known is None or not changes:
        return
    breaking = _breaking(changes)
    if breaking and _number(contract.version)[0] <= _number(known.version)[0]:
        listed = "; ".join(f"`{change.where}`: {change.what}" for change in breaking)
        raise ContractError(
            f"`{contract.name}`: version {contract.version} of the contract breaks readers of {known.version}, "
            f"the published version: {listed}. Nothing was run; live data is unchanged. If you intend this, set "
            f"`version: {version_needed(known.version, changes)}` and rebuild the older partitions. Details: "
            f"lakeworks contract diff {contract.name}"
        )
    if contract.version == known.version:
        log.warning(
            "%s changed without a new version (%s asks for %s): lakeworks contract diff %s",
            contract.name, contract.version, version_needed(known.version, changes), contract.name,
        )  # fmt: skip


def record(lake: Lake, contract: Contract) -> None:
    """Store the contract of a publication, so that later contracts can be compared with it.

    The last contract published under a version number is kept, unless it removes what another run promised meanwhile.

    Raises:
        ContractError: what is stored cannot be read.
        LostRace: others kept recording; the publication stays, and the next attempt records its contract.
    """
    key, body = contract_key(contract.table, contract.version), contract.model_dump_json(indent=1).encode()
    for turn in range(_TURNS):
        try:
            _record(lake, contract, key, body)
        except LostRace:
            if turn == _TURNS - 1:
                raise
        else:
            return


def _record(lake: Lake, contract: Contract, key: str, body: bytes) -> None:
    try:
        stored, versions = lake.store.get(key)
    except LakeNotFound:
        lake.store.put(Target(key, if_absent=True), body)
        return
    # A run that began before another one added a column may end after it.
    if stored != body and not _breaking(changes(_parsed(lake, key, stored), contract)):
        lake.store.put(Target(key, if_match=versions.etag), body)


def _parsed(lake: Lake, key: str, body: bytes) -> Contract:
    try:
        return parse_stored(body)
    except ValueError as error:
        raise ContractError(
            f"`{lake.store.uri(key)}` is not a contract that this release of lakeworks can read: {_fault(error)}. "
            "Nothing was run. The file records a published contract version. Upgrade lakeworks, or remove the "
            "file."
        ) from error


def _fault(error: ValueError) -> str:
    return error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)


def _breaking(changes: list[ContractChange]) -> list[ContractChange]:
    return [change for change in changes if change.effect == "breaking"]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
