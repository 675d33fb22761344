"""Conversion of arriving rows to a contract's columns and types. Nothing is rounded, truncated or dropped silently."""
