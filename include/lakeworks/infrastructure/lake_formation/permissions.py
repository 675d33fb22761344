"""Lake Formation's permissions: on what they are, what AWS makes of ALL, who holds which, and calls that others' changes end.

Source: Lake Formation permissions reference.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from lakeworks.infrastructure.resource import Document

EVERY_TABLE = "*"
# What AWS lists for ALL, which its console calls Super. CREATE_DATABASE and DATA_LOCATION_ACCESS have no ALL.
ALL_OF: Mapping[str, frozenset[str]] = {
    "Database": frozenset({"ALTER", "CREATE_TABLE", "DESCRIBE", "DROP"}),
    "Table": frozenset({"ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT"}),
}
_EVERYTHING = {"ALL", "SUPER", "SUPER_USER"}
_ALL_TABLES = "ALL_TABLES"
_CATALOG_IDS = ("CatalogId", "TableCatalogId")
# Seconds between attempts of a call that ended because another change was under way.
_PAUSES = (0.5, 1.0, 2.0, 4.0)


def database_target(database: str) -> Document:
    """Return a database as Lake Formation names it."""
    return {"Database": {"Name": database}}


def table_target(database: str, table: str) -> Document:
    """Return a table of a database, or every table."""
    which: Document = {"TableWildcard": {}} if table == EVERY_TABLE else {"Name": table}
    return {"Table": {"DatabaseName": database, **which}}


def in_words(target: Document) -> str:
    """Return a short name for a person."""
    ((kind, of),) = target.items()
    if kind == "Database":
        return str(of["Name"])
    if kind == "Table":
        return f"{of['DatabaseName']}.{of['Name']}" if "Name" in of else f"every table of {of['DatabaseName']}"
    if kind == "DataCellsFilter":
        return f"{of['DatabaseName']}.{of['TableName']} by {of['Name']}"
    return str(of["ResourceArn"]) if kind == "DataLocation" else "the catalog"


def covered(permission: str, held: set[str], target: Document) -> bool:
    """Return True if the held permissions include one: ALL is every one, and every one is ALL."""
    everything = ALL_OF.get(next(iter(target)), frozenset())
    if permission in held:
        return True
    return bool(_EVERYTHING & held) if permission != "ALL" else bool(everything) and held >= everything


def held_permissions(client: Any, principal: str, target: Document) -> set[str]:
    """Return the permissions that a principal has on exactly this target, from every page of AWS's answer."""
    of = {"Principal": {"DataLakePrincipalIdentifier": principal}, "Resource": target}
    entries = every_listed(client.list_permissions, "PrincipalResourcePermissions", **of)
    return {name for entry in entries if _is_same(entry["Resource"], target) for name in entry["Permissions"]}


def every_listed(call: Callable[..., Mapping[str, Any]], member: str, **arguments: Any) -> list[Any]:
    """Return the members of every page; a page may be empty and have a successor (boto3 has no paginator for these)."""
    members: list[Any] = []
    following: dict[str, Any] = {}
    while True:
        page = call(**arguments, **following)
        members += page.get(member, [])
        if not (token := page.get("NextToken")):
            return members
        following = {"NextToken": token}


def settled(call: Callable[..., Any], sleep: Callable[[float], None] = time.sleep, **arguments: Any) -> Any:
    """Call, and call again while AWS answers that another change is under way."""
    for pause in _PAUSES:
        try:
            return call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConcurrentModificationException":
                raise
            sleep(pause)
    return call(**arguments)


def _is_same(found: Document, target: Document) -> bool:
    """Compare without catalog ids.

    AWS lists SELECT on a table as one on all its columns. A grant on some columns is none on the table.
    """
    ((kind, wanted),) = target.items()
    if kind == "Table" and "TableWithColumns" in found:
        columns = found["TableWithColumns"].get("ColumnWildcard")
        is_whole = columns is not None and not columns.get("ExcludedColumnNames")
        return is_whole and _table(found["TableWithColumns"]) == _table(wanted)
    if kind not in found:
        return False
    if kind == "Table":
        return _table(found[kind]) == _table(wanted)
    return {key: value for key, value in found[kind].items() if key not in _CATALOG_IDS} == {
        key: value for key, value in wanted.items() if key not in _CATALOG_IDS
    }


def _table(of: Document) -> tuple[str, str]:
    name = of.get("Name", _ALL_TABLES)
    return of["DatabaseName"], _ALL_TABLES if "TableWildcard" in of else name
