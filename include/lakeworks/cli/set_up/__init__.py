"""Commands of the panel "Set up": the infrastructure, buckets and tenants."""
