"""Review of lifecycle rules: find rules that cost more than they save, or that archive data a backfill still needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lakeworks.core.names import LAYERS
from lakeworks.infrastructure.lifecycle_config import Lifecycle
from lakeworks.infrastructure.resource import Document
from lakeworks.prices import SMALLEST_MOVED, Move, Objects, PriceBook, judge

_LOOK_AHEAD = 3 * 365  # assumed life in days of an object without expiry
# Assumed objects of an empty prefix: a thousand of a size that S3 moves, so that the sums are readable.
_ASSUMED = Objects(1000, 1000 * 64 * 1024**2)


@dataclass(frozen=True)
class Evidence:
    """Facts for a review of rules: prices, the objects under each prefix, and its readers."""

    book: PriceBook
    region: str
    objects: Mapping[str, Objects] = field(default_factory=dict)
    readers: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """The refused rules, each with its reason, and warnings about the others."""

    refused: dict[str, str]
    notes: tuple[str, ...]


def judge_rules(rules: Document, config: Lifecycle, evidence: Evidence) -> Judgement:
    """Review every rule with transitions by `losing_rules` and `backfill_days` of lake.yml.

    A region without prices does not prevent the setup. The review then only checks that backfills can read their data.
    """
    refused: dict[str, str] = {}
    notes: list[str] = []
    priced = evidence.region in evidence.book.regions
    if not priced and any(rule.get("Transitions") for rule in rules.values()):
        notes.append(
            f"the cost of the rules was not checked: the price book of {evidence.book.as_of} has no prices for "
            f"`{evidence.region}` (LAKE_PRICE_BOOK names another)"
        )
    for name, rule in rules.items():
        if not rule.get("Transitions"):
            continue
        losses = _losses(rule, config, evidence) if priced else []
        objections = [*losses, *_stranded(rule, config, evidence)]
        harm = [text for grave, text in objections if grave]
        if harm and config.losing_rules == "refuse":
            refused[name] = "; ".join(harm)
        notes += [f"{name}: {text}" for grave, text in objections if not (grave and name in refused)]
    return Judgement(refused, tuple(notes))


def _losses(rule: Document, config: Lifecycle, evidence: Evidence) -> list[tuple[bool, str]]:
    prefix = rule["Filter"]["Prefix"]
    seen = evidence.objects.get(prefix)
    objections: list[tuple[bool, str]] = []
    if seen and seen.small:
        objections.append((False, _small(rule, seen, evidence)))
    objects = seen.moved if seen and seen.moved.count else _ASSUMED
    moves = [Move(move["Days"], move["StorageClass"]) for move in rule["Transitions"]]
    life = _life_days(rule, config) or max(_LOOK_AHEAD, moves[-1].days + 365)
    reads = config.reads_per_month.get(prefix, 0.0)
    for verdict in judge(evidence.book, evidence.region, moves, objects, life_days=life, reads_per_month=reads):
        basis = "" if objects is not _ASSUMED else " (assumed sizes: no object there is large enough for S3 to move)"
        objections.append((verdict.saving < 0, f"{verdict}{basis}"))
    return objections


def _life_days(rule: Document, config: Lifecycle) -> int | None:
    """Return an object's life in days: the lake deletes publications before the bucket's rule does."""
    days: int | None = rule.get("Expiration", {}).get("Days")
    published = rule["Filter"]["Prefix"].partition("/")[0] in LAYERS
    return days - config.expiry_margin_days if days and published else days


def _small(rule: Document, seen: Objects, evidence: Evidence) -> str:
    """Explain with the cost of one transition that small objects save nothing."""
    colder = rule["Transitions"][0]["StorageClass"]
    mean = round(seen.small_size / seen.small)
    stay, moved = (evidence.book.stored_per_month(evidence.region, name, mean) * 1e6 for name in ("STANDARD", colder))
    return (
        f"{seen.small:,} of {seen.count:,} objects are under {SMALLEST_MOVED // 1024} KB (mean "
        f"{mean / 1024:,.0f} KB). S3 does not move them, so the rule saves nothing on them. A million of them "
        f"cost ${stay:,.2f} a month in STANDARD and would cost ${moved:,.2f} in {colder}; larger partitions "
        "or compaction help"
    )


def _stranded(rule: Document, config: Lifecycle, evidence: Evidence) -> list[tuple[bool, str]]:
    prefix = rule["Filter"]["Prefix"]
    who = sorted({name for read, names in evidence.readers.items() if read.startswith(prefix) for name in names})
    objections = []
    for move in rule["Transitions"]:
        rules = evidence.book.rules(move["StorageClass"])
        if not rules.archived or not who:
            continue
        text = (
            f"from day {move['Days']} {prefix} is in {move['StorageClass']}: a backfill of {', '.join(who)} further back "
            f"must wait for a restore of up to {rules.restore_hours} h{_restore_price(move['StorageClass'], evidence)}"
        )
        early = move["Days"] < config.backfill_days
        objections.append(
            (early, f"{text}; lifecycle.backfill_days asks for {config.backfill_days} days" if early else text)
        )
    return objections


def _restore_price(storage_class: str, evidence: Evidence) -> str:
    region = evidence.book.regions.get(evidence.region)
    if region is None or storage_class not in region.classes:
        return ""
    price = region.classes[storage_class]
    return f", at ${price.retrieval * 1024:,.2f} a TB and ${price.restore_request:,.3f} per 1,000 objects"
