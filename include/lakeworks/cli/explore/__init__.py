"""Commands of the panel "Explore": tables, rows, the ledger and the status of partitions."""
