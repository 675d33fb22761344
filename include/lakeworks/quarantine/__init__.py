"""Quarantined rows: list them, and replay them after a rule changed."""
