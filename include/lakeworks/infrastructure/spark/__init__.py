"""Spark in `lake.yml`: the services that run its jobs."""
