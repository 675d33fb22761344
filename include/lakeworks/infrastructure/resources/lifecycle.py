"""Lifecycle rules: colder classes by layer and table, and expiry of temporary objects."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lakeworks.aws_errors import translated
from lakeworks.contract import Contract, Retention
from lakeworks.core.layout import LANDING, STAGING, versions_root
from lakeworks.core.names import LAYERS
from lakeworks.errors import LakeNotFound
from lakeworks.infrastructure.bucket_names import OURS
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lifecycle_config import Lifecycle, Rule
from lakeworks.infrastructure.manifest_words import TEMPORARY
from lakeworks.infrastructure.resource import Document, SharedDocument, without_empty

RESULTS = "_results"
# The size below which S3 moves nothing. A PUT without it would set the default again.
_SMALLEST = "TransitionDefaultMinimumObjectSize"
_LIMIT = 1000  # rules a bucket; S3 user guide, "Lifecycle configuration quotas"


@dataclass(frozen=True)
class LifecycleRules(SharedDocument):
    """Our rules by id. A rule in `refused` is neither written nor, where it exists, removed."""

    kind: ClassVar[str] = "lifecycle"
    rules: Document = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    economics: tuple[str, ...] = ()
    other_region: str | None = None

    @property
    def region(self) -> str | None:
        """Return the bucket's region."""
        return self.other_region

    def owns(self, entry: str) -> bool:
        """Return True for a rule that lakeworks may change; a refused rule stays as it is."""
        return super().owns(entry) and entry not in self.refused

    def desired(self) -> Document:
        """Return every rule that is not refused."""
        return {key: rule for key, rule in self.rules.items() if key not in self.refused}

    def read(self, client: Any) -> Document | None:
        """Return the rules by id."""
        rules = client.get_bucket_lifecycle_configuration(Bucket=self.name)["Rules"]
        return {rule.get("ID", f"#{place}"): _canonical(rule) for place, rule in enumerate(rules)}

    def write(self, client: Any, target: Document) -> None:
        """Write the whole configuration: S3 replaces it."""
        configuration = {"Rules": list(target.values())}
        smallest: Document = {}
        with suppress(LakeNotFound), translated("read the lifecycle of", self.name):
            answer = client.get_bucket_lifecycle_configuration(Bucket=self.name)
            smallest = {_SMALLEST: answer[_SMALLEST]} if _SMALLEST in answer else {}
        client.put_bucket_lifecycle_configuration(Bucket=self.name, LifecycleConfiguration=configuration, **smallest)

    def notes(self, current: Document) -> list[str]:
        """Return warnings about cost and about S3's limit."""
        over = [f"{len(self.rules)} rules; S3 takes {_LIMIT} a bucket"] if len(self.rules) > _LIMIT else []
        return [*self.economics, *over]


def rules_of(config: Lifecycle, contracts: Sequence[Contract]) -> Document:
    """Return every rule of a lake, by id.

    A layer whose contracts all follow its default is one rule on the layer's prefix (tenants' tables included). If a
    contract differs, the layer gets one rule per table. Of overlapping rules the earliest expiry wins, which could be
    the layer's rule. All tenants' tables of such a layer share one rule, which is not too early for any of them.
    """
    rules = [*_tiers(config, contracts), *_housekeeping(config)]
    rules += [_own(rule) for rule in config.rules]
    return {rule["ID"]: rule for rule in rules}


def log_rules(days: int) -> Document:
    """Return the rule of a log bucket."""
    rule = _rule("expire-logs", "", Expiration={"Days": days}, NoncurrentVersionExpiration={"NoncurrentDays": 1})
    return {rule["ID"]: rule}


def report_rules(config: LakeConfig) -> Document:
    """Return the rules of what S3 itself writes into a bucket with layers, where there is no log bucket."""
    days: dict[str, int] = {}
    if config.inventory:
        days[config.inventory.prefix] = config.inventory.expire_after_days
    for one in config.storage_class_analysis:
        if one.export:
            days[one.export_prefix] = max(days.get(one.export_prefix, 0), one.expire_after_days)
    soon = {"NoncurrentDays": 1}
    rules = [
        _rule(f"expire-reports-{prefix.strip('_/').replace('/', '-')}", f"{prefix.rstrip('/')}/",
              Expiration={"Days": kept}, NoncurrentVersionExpiration=soon)
        for prefix, kept in sorted(days.items())
    ]  # fmt: skip
    return {rule["ID"]: rule for rule in rules}


def _own(rule: Rule) -> Document:
    """Return a rule that lake.yml declares in full."""
    moves = [{"Days": move.days, "StorageClass": move.storage_class} for move in rule.transitions]
    expiry = {"Days": rule.expire_after_days} if rule.expire_after_days else {}
    return _rule(rule.id, rule.prefix, Transitions=moves, Expiration=expiry)


def without_transitions(rules: Document) -> Document:
    """Return the rules that expire objects, for a copy of the lake."""
    remaining = {
        name: {key: value for key, value in rule.items() if key != "Transitions"} for name, rule in rules.items()
    }
    return {name: rule for name, rule in remaining.items() if set(rule) > {"ID", "Status", "Filter"}}


def _tiers(config: Lifecycle, contracts: Sequence[Contract]) -> Iterator[Document]:
    yield from _tier(LANDING, f"{LANDING}/", config.landing, 0)  # the ledger has no pins on landing objects
    margin, always_read = config.expiry_margin_days, read_at_every_run(contracts)
    versioned = {contract.table for contract in contracts if contract.storage.layout == "versioned"}
    for layer in LAYERS:
        default: Retention = getattr(config, layer)
        tables = {
            contract.table: config.retention_of(contract).without_archives()
            if contract.name in always_read
            else config.retention_of(contract)
            for contract in contracts
            if contract.table.layer == layer
        }
        if all(retention == default for retention in tables.values()):
            yield from _tier(layer, f"{layer}/", default, margin)
        else:
            for name, retention in sorted(tables.items()):
                yield from _tier(str(name), f"{name.path}/", retention, margin)
                if name in versioned:
                    yield from _tier(f"{name}-versions", versions_root(name), retention, margin)
            # A tenant's tables are below `<layer>/tenant=<id>/`, outside every table's rule.
            yield from _tier(f"{layer}-tenants", f"{layer}/tenant=", _latest([default, *tables.values()]), margin)


def _latest(retentions: Sequence[Retention]) -> Retention:
    """Return a retention that is too early for none of these tables: each step on the latest day of all, or never."""
    steps = {name: [getattr(item, name) for item in retentions] for name in Retention.model_fields}
    return Retention(**{name: None if None in days else max(days) for name, days in steps.items()})


def read_at_every_run(contracts: Sequence[Contract]) -> dict[str, str]:
    """Return the tables whose whole history a run of another table reads, each with one such table.

    These are inputs read `whole` and the arrivals of late data: last year's order is rebuilt from its year of arrivals.
    """
    readers: dict[str, str] = {}
    for contract in contracts:
        readers |= {name: contract.name for name, rule in contract.inputs.items() if rule.whole}
        readers |= dict.fromkeys(contract.late_data.upstreams, contract.name) if contract.late_data else {}
    return readers


def archive_exceptions(config: Lifecycle, contracts: Sequence[Contract]) -> list[str]:
    """Return a note for every table whose retention would archive what a run of another table reads."""
    readers = read_at_every_run(contracts)
    return [
        f"{contract.name} is not archived after {days} days: every run of {readers[contract.name]} may read all of it"
        for contract in contracts
        if contract.name in readers and (days := config.retention_of(contract).archived_after_days)
    ]


def _tier(name: str, prefix: str, retention: Retention, margin: int) -> Iterator[Document]:
    """Render one rule. Its expiry is a safety net: the lake withdraws partitions past their retention before it."""
    moves = [{"Days": days, "StorageClass": storage_class} for days, storage_class in retention.moves]
    expiry = {"Days": retention.expire_after_days + margin} if retention.expire_after_days else {}
    if moves or expiry:
        yield _rule(
            f"{name}-to-glacier" if moves else f"{name}-expiration", prefix, Transitions=moves, Expiration=expiry
        )


def _housekeeping(config: Lifecycle) -> Iterator[Document]:
    """Return the rule for removed staging objects. They are noncurrent at once, and S3 would keep them for ever."""
    soon = {"NoncurrentDays": 1}
    days = {"Days": config.staging_days}
    yield _rule("expire-staging", f"{STAGING}/", Expiration=days, NoncurrentVersionExpiration=soon)
    yield _rule("expire-temp-files", f"{TEMPORARY}/", Expiration=days, NoncurrentVersionExpiration=soon)
    yield _rule(
        "expire-query-results",
        f"{RESULTS}/",
        Expiration={"Days": config.results_days},
        NoncurrentVersionExpiration=soon,
    )
    # Two rules, because NewerNoncurrentVersions and days in one rule keep the newest versions for ever.
    yield _rule(
        "rollback-horizon", "",
        Expiration={"ExpiredObjectDeleteMarker": True},
        NoncurrentVersionExpiration={"NoncurrentDays": config.rollback_days},
    )  # fmt: skip
    surplus = {**soon, "NewerNoncurrentVersions": config.rollback_versions}
    yield _rule("rollback-versions", "", NoncurrentVersionExpiration=surplus)
    abort = {"DaysAfterInitiation": config.incomplete_upload_days}
    yield _rule("abort-incomplete-multipart-upload", "", AbortIncompleteMultipartUpload=abort)


def _canonical(rule: Document) -> Document:
    """Return a rule in one form: servers differ in empty members, whole-bucket filters and the order of transitions."""
    plain: Document = without_empty(rule)
    if not plain.get("Filter"):  # rules of the first form have their prefix outside: S3 refuses a mix of both forms
        plain["Filter"] = {"Prefix": plain.pop("Prefix", "")}
    if "Transitions" in plain:
        plain["Transitions"] = sorted(
            plain["Transitions"], key=lambda move: (move.get("Days", 0), move["StorageClass"])
        )
    return plain


def _rule(name: str, prefix: str, **actions: Any) -> Document:
    filled = {key: value for key, value in actions.items() if value}
    return {"ID": f"{OURS}{name}", "Status": "Enabled", "Filter": {"Prefix": prefix}, **filled}
