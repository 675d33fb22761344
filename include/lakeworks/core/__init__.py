"""The vocabulary: table names, partitions, types, keys of the bucket, tenants. Nothing here talks to a service."""
