"""The state a storm leaves before anybody publishes in peace: a last publication would heal, and so hide, an older one."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.lake import Lake
from lakeworks.maintenance.verification import repair, verify


def unhealed(lake: Lake, contracts: Sequence[Contract]) -> list[str]:
    """Return what is wrong while no writer runs: objects older than the ledger's, or versions it pins that are gone."""
    return [
        problem
        for contract in contracts
        for partition in lake.ledger.numbers(contract.table)
        for problem in _of_partition(lake, contract, partition)
    ]


def unrepaired(lake: Lake, contracts: Sequence[Contract]) -> list[str]:
    """Repair what killed writers left, and return what is wrong all the same, in objects, ledger or catalog."""
    wrong = unhealed(lake, contracts)
    for contract in contracts:
        repair(lake, contract, verify(lake, contract, patience=timedelta(0)))
        wrong += [
            f"after repair: {found.kind} {found.partition}: {found.detail}"
            for found in verify(lake, contract, patience=timedelta(0))
        ]
    return wrong


def _of_partition(lake: Lake, contract: Contract, partition: Partition) -> Iterator[str]:
    live, newest = lake.ledger.live(contract.table, partition), lake.ledger.latest(contract.table, partition)
    placed = {live.live_seq if live else 0}
    if newest and newest.entry.state == "publishing":  # its writer was killed before or after it placed the object
        placed.add(newest.entry.seq)
    for item in live.objects if live else ():
        if lake.store.head(item.key, item.version_id) is None:
            yield f"{partition}: version {item.version_id} of `{item.key}`, which the ledger pins, is gone"
        found = lake.store.head(item.key)
        number = int(found.metadata.get("lakeworks-seq", 0)) if found else 0
        if contract.storage.layout == "plain" and number not in placed:
            yield f"{partition}: publication {number} is at the live path, the ledger has {sorted(placed)}"
