"""Raw answers in the catalog: which fetches are registered as partitions of a table over landing."""
