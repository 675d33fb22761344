"""Loading of a person's own files and rows by one call: check them, then land and publish, or only drop them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakeworks.loading.rows_file import load_rows as load_rows


def __getattr__(name: str) -> object:
    """Import `load_rows` on first use: parsing a DAG does not need Arrow."""
    if name == "load_rows":
        from lakeworks.loading.rows_file import load_rows

        return load_rows
    raise AttributeError(name)
