"""Engines outside this process that build a table."""
