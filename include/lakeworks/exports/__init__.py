"""Rows that leave the lake as files: chosen publications or a query, in a format of the reader's choice."""
