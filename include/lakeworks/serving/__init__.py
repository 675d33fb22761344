"""Serving: tables in PostgreSQL, derived from publications. Retries, kills, rollbacks and withdrawals have exact effects."""
