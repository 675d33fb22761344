"""Arriving rows brought to a contract's columns and types: nothing is rounded, cut off or dropped without a word."""
