"""Iceberg tables beside the Hive tables: metadata alone, made from the ledger's publications (ADR 30)."""
