"""Objects, staging, ledger and publications on S3."""
