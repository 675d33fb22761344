"""Words of the manifest: meanings of the bucket's prefixes, and lifecycle rules in words."""

from lakeworks.core import layout
from lakeworks.infrastructure.resource import Document
from lakeworks.infrastructure.stream_config import DELIVERY_ERRORS

# Files of people and programs; bootstrap makes a rule that deletes them.
TEMPORARY = "temp"
MEANINGS = {
    layout.LANDING: "raw files and answers as the sources sent them, written once; bronze can be built from them again",
    "bronze": "published tables as received, in the contracts' types",
    "silver": "published tables, cleaned and typed; one row per entity or event",
    "gold": "published tables that answer business questions",
    "reference": "published lists that other tables look up",
    layout.STAGING: "files that a run builds before they are published; nothing here is live",
    layout.QUARANTINE: "rows that broke a rule of their contract, each with the reasons",
    layout.LEDGER: "what is published: without it no table can be read or published; never delete or archive it",
    layout.AUDITS: "audit reports of runs",
    layout.RESULTS: "answers of Athena queries",
    layout.METADATA: "contracts as used, tenants and their policies, alerts, this manifest",
    layout.INBOX: "files that others deliver; a run takes them to landing",
    layout.QUOTA: "requests made to each vendor, so that runs stay within its limits",
    layout.SHARES: "records of shared addresses: who, what, until when",
    layout.DEV: "dev lakes: changed tables tried beside the live ones; no live reader sees them, `lakeworks dev list` does",
    layout.RELEASES: "named releases, and copies of released rows that were replaced since",
    DELIVERY_ERRORS: "records that Firehose could not deliver to the inbox; no run reads them",
    layout.PLANS: "plans of changed code that were applied, and ranges that plans leave out with their reasons",
    TEMPORARY: "files of people and programs; lakeworks writes nothing here",
}


def in_words(rule: Document) -> str:
    """Return what a rule does, in the order in which S3 does it."""
    expiry, older = rule.get("Expiration", {}), rule.get("NoncurrentVersionExpiration", {})
    steps = [f"{move['StorageClass']} ({_days(move['Days'])})" for move in rule.get("Transitions", [])]
    steps += [f"deleted ({_days(expiry['Days'])})"] if "Days" in expiry else []
    parts = [" → ".join([rule["Filter"]["Prefix"] or "every object", *steps])] if steps else []
    parts += _of_old_versions(rule["Filter"]["Prefix"], older)
    if expiry.get("ExpiredObjectDeleteMarker"):
        parts.append("delete markers without versions are removed")
    if upload := rule.get("AbortIncompleteMultipartUpload"):
        parts.append(f"unfinished uploads are aborted ({_days(upload['DaysAfterInitiation'])})")
    return "; ".join(parts)


def _of_old_versions(prefix: str, older: Document) -> list[str]:
    if not older:
        return []
    where = f"replaced versions in {prefix}" if prefix else "replaced versions"
    beyond = f" beyond the {older['NewerNoncurrentVersions']} newest" if "NewerNoncurrentVersions" in older else ""
    return [f"{where}{beyond} are deleted ({_days(older['NoncurrentDays'])})"]


def _days(days: int) -> str:
    return f"{days:,} day{'' if days == 1 else 's'}"
