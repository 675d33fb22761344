"""Commands of the panel "Operate": freshness, fetches, quotas and cost."""
