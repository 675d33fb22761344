"""Addresses for people without credentials: a published object for a while, or one place in the inbox to drop a file into."""
