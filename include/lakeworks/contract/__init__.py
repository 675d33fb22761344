"""The contract: the rules for a table's data, read from `tables/<layer>/<domain>/<table>/contract.yml`."""

from lakeworks.contract.columns import Column, PartitionBy, RowRule, Severity, TableCheck
from lakeworks.contract.contract import Contract, all_tables, load_contract, read_contract
from lakeworks.contract.parquet_settings import ColumnEncoding, Storage
from lakeworks.contract.sections import (
    Approval,
    Catalog,
    Freshness,
    InputRule,
    LandingTable,
    LateData,
    PlausibleTimes,
    Quarantine,
    Retention,
    SchemaPolicy,
)

__all__ = [
    "Approval",
    "Catalog",
    "Column",
    "ColumnEncoding",
    "Contract",
    "Freshness",
    "InputRule",
    "LandingTable",
    "LateData",
    "PartitionBy",
    "PlausibleTimes",
    "Quarantine",
    "Retention",
    "RowRule",
    "SchemaPolicy",
    "Severity",
    "Storage",
    "TableCheck",
    "all_tables",
    "load_contract",
    "read_contract",
]
