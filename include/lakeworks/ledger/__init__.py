"""The ledger: publications, run records, and the publisher that makes a partition live."""
