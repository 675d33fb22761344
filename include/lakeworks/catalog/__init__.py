"""The Glue catalog: tables and partitions as the contracts and the ledger say they are."""
