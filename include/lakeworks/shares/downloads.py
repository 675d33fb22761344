"""Download addresses for the objects of a publication, or for an object outside all tables, each at a fixed version."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lakeworks.contract import Contract
from lakeworks.core.layout import is_tenants, is_written_by_lake, owner_of, partition_of
from lakeworks.core.names import LAYERS
from lakeworks.core.partition import Partition
from lakeworks.errors import ConfigError, ContractError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.shares.record import SharedObject, ShareRecord, new_id, store_record
from lakeworks.shares.signing import Signer

_NOTHING = "Nothing was shared."


@dataclass(frozen=True)
class Terms:
    """Terms of a share: duration, recipient, and whether protected columns are allowed."""

    duration: timedelta
    to: str = ""
    allow: bool = False


@dataclass(frozen=True)
class Shared:
    """A share's record and its addresses. Only the person who made the share sees the addresses."""

    record: ShareRecord
    addresses: tuple[str, ...]


def share_partition(
    lake: Lake, contract: Contract, partition: Partition, signer: Signer, terms: Terms, now: datetime
) -> Shared:
    """Share all objects of a live publication.

    Raises:
        LakeNotFound: nothing is published there.
        ContractError: the table has protected columns, and the terms do not allow them.
    """
    entry = lake.ledger.live(contract.table, partition)
    if entry is None:
        raise LakeNotFound(
            f"`{contract.name}` {partition} is not published. {_NOTHING} Its partitions: lakeworks ledger {contract.name}"
        )
    return _share_publication(lake, contract, entry, [item.key for item in entry.objects], (signer, terms, now))


def share_key(lake: Lake, key: str, signer: Signer, terms: Terms, now: datetime) -> Shared:
    """Share one object: a live one of a table, or one outside the lake's areas (`exports/…`).

    Raises:
        ConfigError: the key is the lake's own, or a tenant's.
        LakeNotFound: there is no such object, or it is not published.
    """
    area = key.partition("/")[0]
    if is_tenants(key):
        raise ConfigError(f"`{key}` belongs to a tenant. {_NOTHING} Set LAKE_TENANT to share the tenant's objects.")
    if area in LAYERS:
        contract = lake.contract(owner_of(key).table)
        entry = lake.ledger.live(contract.table, partition_of(key))
        if entry is None or key not in {item.key for item in entry.objects}:
            raise LakeNotFound(
                f"`{key}` is no object of a live publication. {_NOTHING} Published: lakeworks ledger {contract.name}"
            )
        return _share_publication(lake, contract, entry, [key], (signer, terms, now))
    if is_written_by_lake(key):
        raise ConfigError(
            f"`{key}` is the lake's own: `{area}/` is never shared. {_NOTHING} Share a partition, or exports/…."
        )
    stored = lake.store.head(key)
    if stored is None:
        raise LakeNotFound(f"There is no `{lake.store.uri(key)}`. {_NOTHING}")
    shared = SharedObject(key=key, version_id=stored.version_id, size=stored.size)
    return _share(lake, (shared,), {}, (signer, terms, now))


def _share_publication(
    lake: Lake, contract: Contract, entry: LedgerEntry, keys: list[str], how: tuple[Signer, Terms, datetime]
) -> Shared:
    names = [name for name, column in contract.columns.items() if column.protected]
    if names and not how[1].allow:
        raise ContractError(
            f"`{contract.name}` has personal or confidential columns ({', '.join(names)}), and an object is shared whole. "
            f"{_NOTHING} Export it without them: lakeworks export {contract.name}; if they may leave, add --allow."
        )
    objects = tuple(
        SharedObject(key=item.key, version_id=item.version_id, size=item.size, sha256=item.sha256)
        for item in entry.objects
        if item.key in keys
    )
    about = {
        "table": contract.name, "partition": entry.partition, "publication": entry.live_seq, "allowed": bool(names),
    }  # fmt: skip
    return _share(lake, objects, about, how)


def _share(
    lake: Lake, objects: tuple[SharedObject, ...], about: dict[str, Any], how: tuple[Signer, Terms, datetime]
) -> Shared:
    signer, terms, now = how
    if unpinned := [item.key for item in objects if not item.version_id]:
        raise ConfigError(
            f"`{unpinned[0]}` has no version id: the bucket keeps no versions. The address would also show later "
            f"objects. {_NOTHING} Run the DAG lake_bootstrap."
        )
    until = signer.until(now, terms.duration)
    record = ShareRecord(
        id=new_id(), kind="download", objects=objects, to=terms.to, signed_by=signer.access_key, created_at=now,
        until=until, **about,
    )  # fmt: skip
    store_record(lake.store, record)
    seconds = int((until - now).total_seconds())
    return Shared(record, tuple(_address(lake, item, signer, seconds) for item in objects))


def _address(lake: Lake, item: SharedObject, signer: Signer, seconds: int) -> str:
    store = lake.store
    params = {"Bucket": store.layers.of(item.key), "Key": store.at(item.key), "VersionId": item.version_id}
    return str(signer.client.generate_presigned_url("get_object", Params=params, ExpiresIn=max(seconds, 1)))
