"""Runs a table's examples through its transform."""
