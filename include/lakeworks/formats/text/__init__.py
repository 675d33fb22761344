"""Text formats: CSV, JSON and JSON Lines."""
