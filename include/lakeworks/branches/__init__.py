"""Branches: dev lakes' documents, the live publications they read, and their ledger over the live one."""
