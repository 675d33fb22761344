"""The lake's cost reports from the objects in its bucket: they read an object inventory and access logs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.contract import load_contract
from lakeworks.core.layout import owner_of, tenant_prefixes
from lakeworks.core.names import LAYERS
from lakeworks.cost.access_log import LoggedAccess, parse_lines
from lakeworks.cost.bill import Biller, BillingPeriod, BillLine
from lakeworks.cost.lifecycle import StorageLife
from lakeworks.cost.object_inventory import from_inventory, from_listing
from lakeworks.cost.proposal import CostEffect, Proposal, effects
from lakeworks.cost.storage_class_advice import Advice, advise, reads_of
from lakeworks.errors import ConfigError, ContractError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.prices import ObjectVersion, PriceBook
from lakeworks.s3.object_store import ObjectStore


@dataclass(frozen=True)
class ReportRequest:
    """A report's scope and inputs: the bucket itself or an inventory of it; access logs if there are any."""

    book: PriceBook
    region: str
    window: BillingPeriod
    inventory: str | None = None
    logs: str | None = None
    depth: int = 0  # folders of the prefixes that a bill is divided by


def bill(lake: Lake, ask: ReportRequest) -> list[BillLine]:
    """Return the bill by tenant, layer, domain, table and class; a tenant's lake sees only its own.

    Raises:
        ConfigError: a price is missing, or the inventory lacks a column.
    """
    reads = reads_of(accesses(lake, ask.logs), ask.window)[0] if ask.logs else {}
    biller = Biller(ask.book, ask.region, ask.window, bucket_lifecycle(lake), reads, lake.store.tags, ask.depth)
    return biller.lines(stock(lake, ask.inventory))


def advice(lake: Lake, ask: ReportRequest) -> list[Advice]:
    """Return cheaper classes for how data is read, from access logs.

    Raises:
        ConfigError: no logs were named; without them the reads are unknown.
    """
    if not ask.logs:
        raise ConfigError(
            "Advice on storage classes needs server access logs. Nothing was computed. Name their prefix "
            "(s3://bucket/prefix/)."
        )
    reads, last = reads_of(accesses(lake, ask.logs), ask.window)
    return advise(stock(lake, ask.inventory), reads, last, window=ask.window, book=ask.book, region=ask.region)


def compare(lake: Lake, ask: ReportRequest, proposal: Proposal) -> list[CostEffect]:
    """Return the bill before and after a proposal, by table."""
    return effects(stock(lake, ask.inventory), proposal, ask.book, ask.region, ask.window.end)


def stock(lake: Lake, inventory: str | None) -> Iterator[ObjectVersion]:
    """Yield every version there is, with the bucket's keys; of a tenant's lake, its own folders."""
    tenant = lake.tenant
    if inventory:
        versions: Iterator[ObjectVersion] = from_inventory(*_store_and_key(lake, inventory))
    elif tenant is None:
        versions = from_listing(lake.store)
    else:
        versions = (item for prefix in tenant_prefixes(tenant) for item in from_listing(lake.store, prefix))
    return versions if tenant is None else (item for item in versions if owner_of(item.key).tenant == str(tenant))


def accesses(lake: Lake, logs: str) -> Iterator[LoggedAccess]:
    """Yield the requests in every log object below a prefix; requests to other buckets count if their keys do."""
    store, prefix = _store_and_key(lake, logs)
    for item in store.scan(prefix):
        yield from parse_lines(store.get(item.key)[0].decode("utf-8", "replace").splitlines())


def bucket_lifecycle(lake: Lake) -> Callable[[str], StorageLife]:
    """Return the lookup of a key's lifecycle rules, from the bucket that has the key."""
    layers = lake.store.layers
    rules = {bucket: _rules(lake, bucket) for bucket in {layers.bucket, *layers.by_layer.values()}}
    return lambda key: StorageLife.of_rules(rules[layers.of(key)], key)


def _rules(lake: Lake, bucket: str) -> list[Any]:
    try:
        with translated("read the lifecycle of", bucket):
            return list(lake.store.client.get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules", []))
    except LakeNotFound:
        return []


def contracts_lifecycle(key: str) -> StorageLife:
    """Return the retention of a key's table; none for keys of no table."""
    place = owner_of(key)
    return _of_contract(place.table) if place.area in LAYERS and place.table else StorageLife()


def typed_lifecycle(text: str) -> Callable[[str], StorageLife]:
    """Return a lifecycle as a person types it: `contracts`, or `30:STANDARD_IA,90:GLACIER_IR,365:expire`.

    Raises:
        ConfigError: a part is no step.
    """
    if text == "contracts":
        return contracts_lifecycle
    steps, expire = [], None
    for part in filter(None, text.split(",")):
        days, _, name = part.strip().partition(":")
        if not days.isdigit() or not name:
            raise ConfigError(f"`{part}` is not <days>:<storage class> or <days>:expire. Nothing was computed.")
        if name == "expire":
            expire = int(days)
        else:
            steps.append((int(days), name))
    made = StorageLife(tuple(steps), expire)
    return lambda _: made


@lru_cache
def _of_contract(table: str) -> StorageLife:
    try:
        return StorageLife.of_retention(load_contract(table).retention)
    except ContractError:  # data of a removed table
        return StorageLife()


def _store_and_key(lake: Lake, uri: str) -> tuple[ObjectStore, str]:
    """Return the store and key of an `s3://` address: logs and inventories usually have their own bucket."""
    bucket, slash, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not slash:
        raise ConfigError(f"`{uri}` is not an address like s3://bucket/prefix/. Nothing was read.")
    return ObjectStore(lake.store.client, bucket, lake.store.threads), key


def billing_period(month: str | None, now: datetime) -> BillingPeriod:
    """Return the run rate, or a calendar month like `2026-11`.

    Raises:
        ConfigError: the text is no month.
    """
    if month is None:
        return BillingPeriod.run_rate(now)
    try:
        moment = datetime.strptime(month, "%Y-%m")
    except ValueError as error:
        raise ConfigError(f"`{month}` is not a month like 2026-11. Nothing was computed.") from error
    return BillingPeriod.month(moment.year, moment.month)
