"""Answers for an assistant: tables, rows, the origin of a number, a backfill's plan. Nothing here publishes."""
