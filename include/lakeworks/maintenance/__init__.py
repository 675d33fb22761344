"""Verify, repair, compact and clean a published lake."""
