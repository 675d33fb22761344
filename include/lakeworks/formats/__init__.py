"""File formats: each reads a stream of bytes as batches of raw values; no format knows a contract."""
