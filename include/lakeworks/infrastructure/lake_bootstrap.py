"""Bootstrap: plan, create and read back everything that a lake needs before its first run."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any

from lakeworks.aws_errors import is_nobody, translated
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.clock import utc_now
from lakeworks.core.layout import table_prefixes
from lakeworks.errors import LakeError, LakeNotFound
from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.bucket_names import check_bucket_name
from lakeworks.infrastructure.config import LakeConfig, load_config
from lakeworks.infrastructure.desired_state import DesiredState, desired_resources, replica_name
from lakeworks.infrastructure.export import Language, exported
from lakeworks.infrastructure.lake_formation.known_state import databases_to_read, read_state
from lakeworks.infrastructure.lifecycle_review import Evidence, judge_rules
from lakeworks.infrastructure.plan_apply import ResourceChange
from lakeworks.infrastructure.readers.delivery import KnownDistribution
from lakeworks.infrastructure.resource import Clients, Document, Resource
from lakeworks.infrastructure.resources.distribution import desired_distribution
from lakeworks.infrastructure.resources.lifecycle import archive_exceptions, rules_of
from lakeworks.infrastructure.resources.replication import refuse_two_way
from lakeworks.prices import SMALLEST_MOVED, Objects, load_price_book
from lakeworks.s3.layer_buckets import LayerBuckets
from lakeworks.settings import Settings
from lakeworks.transform.sql import load_sql, upstream

_SAMPLE = 10_000  # objects listed per prefix: enough for a mean, ten list calls


def _silent(_: ResourceChange) -> None:
    """Ignore an outcome."""


@dataclass(frozen=True)
class LakePlan:
    """The desired state, ready to be compared with the current one."""

    place: LakeLocation
    wish: DesiredState
    clients: Clients

    @property
    def resources(self) -> list[Resource]:
        """The resources from lake.yml and the contracts, in order."""
        return desired_resources(self.place, self.wish)

    def changes(self) -> list[ResourceChange]:
        """Return the changes that applying would make; this only reads.

        Raises:
            LakeAccessDenied, CredentialsExpired: wrong credentials or those that ran out; another account's bucket.
        """
        return [*engine.plan(self.resources, self.clients), *self._refusals()]

    def apply(self, report: Callable[[ResourceChange], None] = _silent) -> list[ResourceChange]:
        """Apply the desired state. Report every outcome at once, so that a later error loses none.

        Raises:
            LakeAccessDenied, CredentialsExpired: wrong credentials or those that ran out; another account's bucket.
        """
        made = []
        for change in chain(
            engine.apply(self.resources, self.clients), self._admission_of_distribution(), self._refusals()
        ):
            report(change)
            made.append(change)
        return made

    def export(self, language: Language) -> str:
        """Return the desired state as CloudFormation or Terraform JSON, for AWS even if the endpoint is an emulator."""
        refers = replace(self.wish, distribution=KnownDistribution())  # the template names its own
        resources = desired_resources(replace(self.place, secure=True), refers)
        return json.dumps(exported(resources, language, self.place.region), indent=2) + "\n"

    def _admission_of_distribution(self) -> Iterator[ResourceChange]:
        """Let the bucket's policy name the distribution that this run made: AWS chose its id."""
        if self.wish.distribution.arn:
            return
        made = _distribution(self.place, self.wish.config, self.clients)
        if made.arn:
            resources = desired_resources(self.place, replace(self.wish, distribution=made))
            policies = [one for one in resources if (one.kind, one.name) == ("policy", self.place.bucket)]
            yield from engine.apply(policies, self.clients)

    def _refusals(self) -> list[ResourceChange]:
        return [
            ResourceChange("lifecycle rule", name, "refused", reason)
            for name, reason in self.wish.judgement.refused.items()
        ]


def plan_lake(
    settings: Settings,
    clients: Clients,
    config: LakeConfig | None = None,
    *,
    contracts: Sequence[Contract] | None = None,
    now: Callable[[], datetime] = utc_now,
) -> LakePlan:
    """Read lake.yml (`LAKE_CONFIG_FILE`), contracts, prices and the bucket's objects; change nothing.

    Raises:
        ConfigError: lake.yml, a bucket's name or the price book is wrong, or a rule names a class the book lacks; or the
            bucket of the copies replicates to this one.
        LakeAccessDenied, CredentialsExpired: the credentials are wrong, or have run out.
    """
    check_bucket_name(settings.bucket)
    clients = cache(clients)  # creating a client takes longer than most of its calls
    config = config or load_config(settings.config_file)
    if not config.encryption.kms_key_id and settings.kms_key_id:
        config = config.model_copy(
            update={"encryption": config.encryption.model_copy(update={"kms_key_id": settings.kms_key_id})}
        )
    contracts = contracts if contracts is not None else [load_contract(name) for name in all_tables()]
    s3 = clients("s3")
    place = LakeLocation(
        settings.bucket, settings.region, _account(clients), not str(s3.meta.endpoint_url).startswith("http:")
    )
    if copy := replica_name(place, config):
        refuse_two_way(s3, place.bucket, copy)
    rules = rules_of(config.lifecycle, contracts)
    evidence = Evidence(
        load_price_book(settings.price_book),
        settings.region,
        _objects(s3, LayerBuckets(settings.bucket, config.bucket_of_layer), rules),
        _readers(contracts),
    )
    judgement = judge_rules(rules, config.lifecycle, evidence)
    judgement = replace(judgement, notes=(*judgement.notes, *archive_exceptions(config.lifecycle, contracts)))
    known = read_state(s3, clients("glue"), settings.bucket, databases_to_read(config, contracts))
    delivers = _distribution(place, config, clients)
    return LakePlan(place, DesiredState(config, contracts, rules, judgement, now, known, delivers), clients)


def bootstrap(
    settings: Settings, clients: Clients, report: Callable[[ResourceChange], None] = _silent
) -> list[ResourceChange]:
    """Create or correct all of it; running it again changes nothing.

    Raises:
        ConfigError: lake.yml, a bucket's name or the price book is wrong.
        LakeAccessDenied, CredentialsExpired: wrong credentials or those that ran out; another account's bucket.
    """
    return plan_lake(settings, clients).apply(report)


def _account(clients: Clients) -> str | None:
    """Return the caller's account, None without STS. Wrong or expired credentials fail here, before any change."""
    try:
        with translated("ask whose credentials these are", "STS"):
            return str(clients("sts").get_caller_identity()["Account"])
    except LakeError as error:
        if is_nobody(error):
            raise
        return None


def _distribution(place: LakeLocation, config: LakeConfig, clients: Clients) -> KnownDistribution:
    """Look for the distribution. What cannot be read is reported by the distribution's own setting."""
    if (wish := desired_distribution(place, config.cloudfront)) is None:
        return KnownDistribution()
    try:
        with translated("find the distribution", wish.name):
            return KnownDistribution(wish.arn(clients(wish.service, wish.region)))
    except LakeError as error:
        if is_nobody(error):
            raise
        return KnownDistribution(is_read=False)


def _objects(s3: Any, buckets: LayerBuckets, rules: Document) -> dict[str, Objects]:
    """Return the number and size of objects under each prefix to be tiered, from the first page of a listing."""
    prefixes = {rule["Filter"]["Prefix"] for rule in rules.values() if rule.get("Transitions")}
    try:
        return {prefix: _sampled(s3, buckets.of(prefix), prefix) for prefix in sorted(prefixes)}
    except LakeNotFound:
        return {}  # the bucket does not exist yet
    except LakeError as error:
        if is_nobody(error):
            raise
        return {}  # no permission to list: the review assumes sizes


def _sampled(s3: Any, bucket: str, prefix: str) -> Objects:
    count = size = small = small_size = 0
    with translated("list", f"s3://{bucket}/{prefix}"):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, PaginationConfig={"MaxItems": _SAMPLE}
        )
        for page in pages:
            sizes = [item["Size"] for item in page.get("Contents", [])]
            below = [sampled for sampled in sizes if sampled < SMALLEST_MOVED]
            count, size = count + len(sizes), size + sum(sizes)
            small, small_size = small + len(below), small_size + sum(below)
    return Objects(count, size, small, small_size)


def _readers(contracts: Sequence[Contract]) -> Mapping[str, list[str]]:
    """Return the tables that read from each table's prefix; bronze reads landing."""
    readers: dict[str, list[str]] = defaultdict(list)
    for contract in contracts:
        if contract.source:
            readers["landing/"].append(contract.name)
        if sql := load_sql(contract):
            for table in upstream(sql):
                for prefix in table_prefixes(table):
                    readers[prefix].append(contract.name)
    return readers
