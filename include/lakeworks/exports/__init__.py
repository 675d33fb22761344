"""Exports: rows of publications or of a query as a file in a chosen format."""
