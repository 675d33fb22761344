"""One partition's past: compare, roll back, withdraw."""
