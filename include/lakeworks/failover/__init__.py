"""Failover: a copy of the lake in another region becomes the primary, and back."""
