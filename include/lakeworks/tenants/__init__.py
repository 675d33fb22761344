"""Tenants: their shares of the lake, and the IAM policies that isolate them."""
