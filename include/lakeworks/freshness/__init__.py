"""Freshness: tables that are older than their contracts allow, and alerts about them."""
