"""Planted faults: each is put into a copy of the code, and the tests named beside it must notice."""
