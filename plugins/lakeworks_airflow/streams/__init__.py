"""Operators for the streams of lake.yml."""
