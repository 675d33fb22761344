"""Garbage by its kind: what each kind is, and what still needs it."""
