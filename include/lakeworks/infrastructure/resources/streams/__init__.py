"""Kinesis streams, their tables, and their deliveries."""
