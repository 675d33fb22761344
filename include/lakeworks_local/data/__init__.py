"""Sample data: see docs/data.md for where it comes from."""
