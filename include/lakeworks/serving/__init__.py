"""Tables served by PostgreSQL: derived from publications, so that retries, kills, rollbacks and withdrawals arrive exactly."""
