"""Keys of the bucket. Only this module composes them.

Readers skip prefixes that start with `_`; live data is plain Hive layout under `<layer>/<domain>/<table>/`. Of layout
`versioned` it lies under `<layer>/<domain>/<table>.versions/`, at the addresses that the ledger and the catalog name.
"""

import hashlib
import re
from dataclasses import dataclass

from lakeworks.core.names import LAYERS, TableName
from lakeworks.core.partition import Partition, Period
from lakeworks.core.tenant import Tenant
from lakeworks.errors import ConfigError, LakeError

STAGING = "_staging"
QUARANTINE = "_quarantine"
LEDGER = "_ledger"
AUDITS = "_audits"
LANDING = "landing"
RESULTS = "_results"
METADATA = "metadata"
REGISTRY = f"{METADATA}/tenants/"
SPARK_JOB = f"{METADATA}/spark/spark_job.py"  # outside every tenant's share
INBOX = "inbox"
QUOTA = "_quota"
SHARES = "_shares"
DEV = "_dev"
RELEASES = "_releases"
PLANS = "_plans"
# Ending of the folder beside a table's own that has the objects of layout `versioned`. No table's name contains a dot.
_VERSIONS = ".versions"
# Where objects of that layout lay before: inside the table's folder, in which other programs look for live objects.
_OLD_VERSIONS = "_versions"
# Every first part of a key with a level for tenants. Add a new area here, or tenants' runs are denied access to it.
TENANT_AREAS = (
    LANDING, *LAYERS, STAGING, QUARANTINE, LEDGER, AUDITS, RESULTS, METADATA, INBOX, QUOTA, SHARES, RELEASES, PLANS, DEV
)  # fmt: skip


def join(*parts: str) -> str:
    """Join key parts, leaving out empty ones (an unpartitioned table has no partition path)."""
    return "/".join(part for part in parts if part)


def tenant_key(tenant: Tenant | None, key: str) -> str:
    """Return a tenant's key in the bucket: `silver/market/…` becomes `silver/tenant=acme/market/…`.

    Raises:
        ConfigError: the key (or prefix) has no first part to put the level under: it would reach outside the tenant.
    """
    if tenant is None:
        return key
    area, slash, rest = key.partition("/")
    if not (area and slash):
        raise ConfigError(
            f"`{key}` reaches outside tenant `{tenant}`: its keys begin with an area such as `silver/`. Nothing was done."
        )
    return f"{area}/{tenant.level}/{rest}"


def own_key(tenant: Tenant | None, key: str) -> str:
    """Return the key without its tenant: the reverse of `tenant_key`."""
    return key.replace(f"/{tenant.level}/", "/", 1) if tenant else key


def is_tenants(key: str) -> bool:
    """Return True if a key of the bucket belongs to some tenant."""
    return key.partition("/")[2].startswith("tenant=")


def tenant_prefixes(tenant: Tenant) -> list[str]:
    """Return every folder that is a tenant's own, with trailing slashes."""
    return [tenant_key(tenant, f"{area}/") for area in TENANT_AREAS]


def registry_key(tenant: Tenant) -> str:
    """Return the key of a tenant's record; no tenant's policy reaches it."""
    return f"{REGISTRY}{tenant}.json"


def policy_key(tenant: Tenant) -> str:
    """Return the key of a tenant's IAM policy, for the platform team."""
    return f"{METADATA}/policies/{tenant}.json"


def is_written_by_lake(prefix: str) -> bool:
    """Return True if lakeworks may write below a prefix: it lies in one of its areas, or is a parent of one."""
    top, slash, _ = prefix.lstrip("/").partition("/")
    if slash:
        return top.startswith("_") or top in TENANT_AREAS
    # Without its slash it is a prefix of names: `silv` is a parent of `silver/`, and the empty one of everything.
    return top.startswith("_") or any(area.startswith(top) for area in TENANT_AREAS)


def live_prefix(table: TableName, partition: Partition) -> str:
    """Return the folder of a live partition, with its trailing slash."""
    return join(table.path, partition.path) + "/"


def part_name(number: int = 0) -> str:
    """Return a file's name: `part-00000.parquet`."""
    return f"part-{number:05d}.parquet"


def live_key(table: TableName, partition: Partition, number: int = 0) -> str:
    """Return the deterministic key of a live object."""
    return live_prefix(table, partition) + part_name(number)


def versions_root(table: TableName) -> str:
    """Return the folder of a table's immutable objects (layout `versioned`), with its trailing slash.

    It lies beside the table's own folder, so that a program that reads a folder whole never reads superseded objects.
    """
    return f"{table.path}{_VERSIONS}/"


def versions_roots(table: TableName) -> tuple[str, str]:
    """Return every folder that may have immutable objects of a table; publications before 2026-12 have the second."""
    return versions_root(table), f"{join(table.path, _OLD_VERSIONS)}/"


def table_prefixes(table: TableName) -> tuple[str, str]:
    """Return the prefixes of everything that a table's publications name, whatever its layout is or was."""
    return f"{table.path}/", versions_root(table)


def versions_prefix(table: TableName, attempt: str, partition: Partition) -> str:
    """Return the prefix of one publication's immutable objects of a partition, for tables of layout `versioned`."""
    return join(versions_root(table).rstrip("/"), attempt, partition.path) + "/"


def numbered_versions(table: TableName, location: str, number: int) -> str:
    """Return the prefix beside another one of `versions_prefix` that only the publication of this number has."""
    root = next(root for root in versions_roots(table) if location.startswith(root))
    attempt, _, partition = location.removeprefix(root).partition("/")
    return f"{root}{attempt}-{number}/{partition}"


def versions_partition(table: TableName, key: str) -> str | None:
    """Return the partition's path of an immutable object, empty for an unpartitioned table; None for any other key."""
    for root in versions_roots(table):
        if key.startswith(root):
            return key.removeprefix(root).partition("/")[2].rpartition("/")[0]
    return None


def staging_prefix(table: TableName, period: Period, attempt: str) -> str:
    """Return the prefix of everything that one attempt stages, with its trailing slash."""
    return join(STAGING, table.path, f"period={period}", attempt) + "/"


def trial_key(name: str) -> str:
    """Return the key of an object that `lakeworks doctor` writes for a moment. Garbage collection removes it like staging."""
    return f"{STAGING}/doctor/{name}"


def quarantine_key(table: TableName, period: Period, attempt: str) -> str:
    """Return the key of the rows that one attempt quarantined."""
    return join(QUARANTINE, table.path, f"period={period}", f"{attempt}.parquet")


def audit_key(table: TableName, period: Period, attempt: str, suffix: str) -> str:
    """Return the key of a stored audit report (`json`) or its page (`html`)."""
    return join(AUDITS, table.path, f"period={period}", f"{attempt}.{suffix}")


def day_pages_prefix(domain: str) -> str:
    """Return the folder of a domain's stored pages about days, with its trailing slash. No domain's name begins with `_`."""
    return join(AUDITS, "_days", domain) + "/"


def day_page_key(domain: str, period: Period) -> str:
    """Return the key of the page about a domain's day, month or hour."""
    return f"{day_pages_prefix(domain)}{period}.html"


def ledger_prefix(table: TableName, partition: Partition) -> str:
    """Return the folder of a partition's ledger entries, with its trailing slash."""
    return join(LEDGER, table.path, partition.path) + "/"


def folded_prefix(table: TableName, partition: Partition) -> str:
    """Return the folder of a partition's folded ledger entries, with its trailing slash."""
    return join(LEDGER, table.path, "_folded", partition.path) + "/"


def ledger_key(table: TableName, partition: Partition, seq: int) -> str:
    """Return the key of one publication's ledger entry."""
    return f"{ledger_prefix(table, partition)}{seq:08d}.json"


def run_key(table: TableName, period: Period, attempt: str) -> str:
    """Return the key of a run's record: its row balance, inputs and audit."""
    return join(LEDGER, table.path, "_runs", str(period), f"{attempt}.json")


def approvals_prefix(table: TableName) -> str:
    """Return the prefix of a table's requests for approval, with its trailing slash."""
    return join(LEDGER, table.path, "_approvals") + "/"


def approval_key(table: TableName, period: Period | str, attempt: str) -> str:
    """Return the key of an attempt's request for approval."""
    return f"{approvals_prefix(table)}{period}/{attempt}.json"


def approval_page_key(table: TableName, period: Period, attempt: str) -> str:
    """Return the key of the page that compares staged rows with what is live."""
    return join(AUDITS, table.path, f"period={period}", f"{attempt}.approval.html")


def run_numbers_key(table: TableName) -> str:
    """Return the key of a table's document of run numbers."""
    return join(LEDGER, table.path, "_numbers.json")


def epoch_key() -> str:
    """Return the key of the document that names the primary bucket."""
    return f"{LEDGER}/_epoch.json"


def beginning_key(epoch: int, table: TableName) -> str:
    """Return the key of the record of a table's publications with which an epoch began."""
    return join(LEDGER, "_epochs", f"{epoch:08d}", f"{table.path}.json")


def code_key(table: TableName, fingerprint: str) -> str:
    """Return the key of the code that built publications with this fingerprint."""
    return join(LEDGER, table.path, "_code", f"{fingerprint}.json")


def release_documents() -> str:
    """Return the prefix of the documents of releases, with its trailing slash."""
    return join(RELEASES, "documents") + "/"


def held_key(table: TableName, content: str) -> str:
    """Return the key of the copy of a released object, by its content hash; several releases may name one copy."""
    return join(RELEASES, table.path, f"{content}.parquet")


def applied_plans() -> str:
    """Return the prefix of the documents of applied plans, with its trailing slash."""
    return join(PLANS, "applied") + "/"


def exclusions_prefix() -> str:
    """Return the prefix of the documents of excluded ranges, with its trailing slash."""
    return join(PLANS, "exclusions") + "/"


def contracts_prefix(table: TableName) -> str:
    """Return the prefix of the contracts that a table was published by, with its trailing slash."""
    return join("metadata", "contracts", table.path) + "/"


def contract_key(table: TableName, version: str) -> str:
    """Return the key of one version of a table's contract."""
    return f"{contracts_prefix(table)}{version}.json"


def iceberg_prefix(table: TableName) -> str:
    """Return the prefix of a table's Iceberg metadata, with its trailing slash; no retention rule of a layer reaches it."""
    return join(METADATA, "iceberg", table.path) + "/"


def iceberg_table(table: TableName) -> str:
    """Return the name in Glue of the Iceberg table beside a Hive table."""
    return f"{table.table}_iceberg"


def landing_prefix(domain: str, source: str, period: Period | None) -> str:
    """Return the prefix of a source's raw files, with its trailing slash."""
    return join(LANDING, domain, source.replace(".", "/"), period.path if period else "") + "/"


@dataclass(frozen=True)
class KeyOwner:
    """The owner of a key: tenant, layer, domain and table; parts it does not have are empty."""

    area: str
    tenant: str = ""
    domain: str = ""
    table: str = ""


def owner_of(key: str) -> KeyOwner:
    """Read a key back: `_ledger/tenant=acme/silver/market/prices/…` is `_ledger`, `acme`, `market`, `silver.market.prices`.

    A landing object's table is its source and data set (`nyc_tlc.yellow`); of anything else only the area is known.
    """
    area, *rest = key.split("/")[:-1] or [""]
    tenant = rest.pop(0).removeprefix("tenant=") if rest and rest[0].startswith("tenant=") else ""
    if area in LAYERS and len(rest) >= 2:
        return KeyOwner(area, tenant, rest[0], f"{area}.{rest[0]}.{rest[1].removesuffix(_VERSIONS)}")
    if area == LANDING and len(rest) >= 3:
        return KeyOwner(area, tenant, rest[0], f"{rest[1]}.{rest[2]}")
    if area.startswith("_") and len(rest) >= 3 and rest[0] in LAYERS:
        return KeyOwner(area, tenant, rest[1], ".".join(rest[:3]))
    return KeyOwner(area, tenant)


def partition_of(key: str) -> Partition:
    """Return the partition whose folder a live or landed object lies in; the whole table where the key names none."""
    folders = key.split("/")[1:-1]
    pairs = [part for part in folders if "=" in part and not part.startswith(("tenant=", "period="))]
    try:
        return Partition.parse("/".join(pairs))
    except LakeError:
        return Partition()


# Suffix of the key part of a run id that is not a valid key part itself.
_DIGEST = re.compile(r"\.[0-9a-f]{10}$")


def key_part(text: str) -> str:
    """Return a name as one key part, with `-` for what S3 clients escape differently; two names may become one."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)


def safe_id(text: str) -> str:
    """Return a run id as one unique key part. Airflow's run ids contain `:` and `+`, so a digest makes the part unique."""
    part = key_part(text)
    if part == text and not _DIGEST.search(text):
        return part
    return f"{part}.{hashlib.sha256(text.encode()).hexdigest()[:10]}"
