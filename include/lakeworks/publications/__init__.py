"""Publications of one partition: compare, roll back, withdraw."""
