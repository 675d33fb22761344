"""The Glue catalog: tables and partitions, registered from the contracts and the ledger."""
