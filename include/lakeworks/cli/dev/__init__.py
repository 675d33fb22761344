"""Commands of dev lakes."""
