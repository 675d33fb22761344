"""Tenants: their shares of the lake, and the IAM policies that keep them apart."""
