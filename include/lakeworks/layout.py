"""Where everything lies in the bucket: the only place that spells keys.

Readers skip prefixes that start with `_`; live data is plain Hive layout under `<layer>/<domain>/<table>/`.
"""

import re

from lakeworks.names import TableName
from lakeworks.partition import Partition, Period

STAGING = "_staging"
QUARANTINE = "_quarantine"
LEDGER = "_ledger"
AUDITS = "_audits"
LANDING = "landing"
VERSIONS = "_versions"
INBOX = "inbox"
QUOTA = "_quota"


def join(*parts: str) -> str:
    """Join key parts, leaving out empty ones (an unpartitioned table has no partition path)."""
    return "/".join(part for part in parts if part)


def live_prefix(table: TableName, partition: Partition) -> str:
    """The folder of a live partition, with its trailing slash."""
    return join(table.path, partition.path) + "/"


def part_name(number: int = 0) -> str:
    """`part-00000.parquet`."""
    return f"part-{number:05d}.parquet"


def live_key(table: TableName, partition: Partition, number: int = 0) -> str:
    """The deterministic key of a live object."""
    return live_prefix(table, partition) + part_name(number)


def versions_prefix(table: TableName, attempt: str, partition: Partition) -> str:
    """Where a table of layout `versioned` keeps one publication's immutable objects of a partition."""
    return join(table.path, VERSIONS, attempt, partition.path) + "/"


def staging_prefix(table: TableName, period: Period, attempt: str) -> str:
    """Everything one attempt stages, with its trailing slash."""
    return join(STAGING, table.path, f"period={period}", attempt) + "/"


def quarantine_key(table: TableName, period: Period, attempt: str) -> str:
    """The rows one attempt set aside."""
    return join(QUARANTINE, table.path, f"period={period}", f"{attempt}.parquet")


def audit_key(table: TableName, period: Period, attempt: str, suffix: str) -> str:
    """The stored audit report (`json`) or its page (`html`)."""
    return join(AUDITS, table.path, f"period={period}", f"{attempt}.{suffix}")


def ledger_prefix(table: TableName, partition: Partition) -> str:
    """The folder of a partition's ledger entries, with its trailing slash."""
    return join(LEDGER, table.path, partition.path) + "/"


def ledger_key(table: TableName, partition: Partition, seq: int) -> str:
    """One publication's ledger entry."""
    return f"{ledger_prefix(table, partition)}{seq:08d}.json"


def run_key(table: TableName, period: Period, attempt: str) -> str:
    """The record of one run: its row balance, inputs and audit."""
    return join(LEDGER, table.path, "_runs", str(period), f"{attempt}.json")


def contracts_prefix(table: TableName) -> str:
    """Where the contracts a table was published by are kept, with its trailing slash."""
    return join("metadata", "contracts", table.path) + "/"


def contract_key(table: TableName, version: str) -> str:
    """One version of a table's contract."""
    return f"{contracts_prefix(table)}{version}.json"


def landing_prefix(domain: str, source: str, period: Period | None) -> str:
    """Where a source's raw files lie, with its trailing slash."""
    return join(LANDING, domain, source.replace(".", "/"), period.path if period else "") + "/"


def safe_id(text: str) -> str:
    """A run id as one key part: Airflow's run ids hold `:` and `+`, which S3 clients escape differently."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)
