"""Changes of code: the columns, tables and partitions that they reach, and the cost of bringing them in."""
