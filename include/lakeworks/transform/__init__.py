"""Transforms of a table: SQL, group functions, examples, column lineage."""
