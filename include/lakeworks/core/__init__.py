"""The vocabulary: table names, partitions, types, keys of the bucket, tenants. No module here calls a service."""
