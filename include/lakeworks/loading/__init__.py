"""A person's own files and rows in the lake by one call: looked at first, then landed and published, or only dropped."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakeworks.loading.rows_file import load_rows as load_rows


def __getattr__(name: str) -> object:
    """Import `load_rows` when it is asked for: Arrow is not needed to parse a DAG."""
    if name == "load_rows":
        from lakeworks.loading.rows_file import load_rows

        return load_rows
    raise AttributeError(name)
