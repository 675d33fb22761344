"""Care for Iceberg snapshots: differences from the ledger, and expiry."""
