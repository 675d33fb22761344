"""Tools for a table's or source's author: create its files, check them, run their examples."""
