"""Removal of Glue databases that a dev lake made."""

from lakeworks.aws_errors import translated
from lakeworks.catalog.glue import GlueCatalog
from lakeworks.errors import LakeNotFound


def drop_database(catalog: GlueCatalog, name: str) -> bool:
    """Remove a database with its tables; returns whether there was one."""
    try:
        with translated("remove the database", name):
            catalog.client.delete_database(Name=name)
    except LakeNotFound:
        return False
    return True
