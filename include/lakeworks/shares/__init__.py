"""Shares: temporary addresses for people without credentials, to download a published object or to upload one file."""
