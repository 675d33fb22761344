"""AWS Lake Formation over HTTP (rest-json) as its guide and API reference describe it, and the Glue catalog that it governs.

Known: registered locations, permissions with their expansion of ALL, column filters, LF-tags, data lake settings. Every listing comes
in pages, of which the first is empty. Each caller has addresses of its own, so that what one may do another may not. Written from
the guide and botocore's service model; everything is in memory, and no code is shared with lakeworks.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.json_service import ServiceRefusal, serving_json
from tests.support.rest_service import RestRefusal, serving_rest

Document = dict[str, Any]
ACCOUNT = "123456789012"
OPEN = "IAM_ALLOWED_PRINCIPALS"
OPEN_TO_ALL = [{"Principal": {"DataLakePrincipalIdentifier": OPEN}, "Permissions": ["ALL"]}]
SINGLE = {
    "Database": ["ALTER", "CREATE_TABLE", "DESCRIBE", "DROP"],
    "Table": ["ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT"],
    "Catalog": ["CREATE_DATABASE", "CREATE_LF_TAG"],
    "DataLocation": ["DATA_LOCATION_ACCESS"],
    "DataCellsFilter": ["DESCRIBE", "DROP", "SELECT"],
}
LINKED_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/lakeformation.amazonaws.com/AWSServiceRoleForLakeFormationDataAccess"
)


def key(kind: str, *names: str) -> tuple[str, ...]:
    return (kind, *names)


@dataclass
class LakeFormation:
    """The account. `busy` counts calls of an operation that end because of another change; `names_all` lists ALL beside its parts;
    `refused_tags` has the codes with which next assignments of a key are refused."""

    admins: set[str] = field(default_factory=set)
    page: int = 2
    names_all: bool = True
    new_databases: list[Document] = field(default_factory=list)
    new_tables: list[Document] = field(default_factory=list)
    locations: dict[str, Document] = field(default_factory=dict)
    held: dict[tuple[str, tuple[str, ...]], set[str]] = field(default_factory=dict)
    filters: dict[tuple[str, str, str], Document] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    assigned: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)
    refused_tags: dict[str, list[str]] = field(default_factory=dict)
    databases: dict[str, Document] = field(default_factory=dict)
    tables: dict[tuple[str, str], Document] = field(default_factory=dict)
    busy: Counter[str] = field(default_factory=Counter)
    calls: list[tuple[str, Document]] = field(default_factory=list)

    def operations(self) -> list[str]:
        return [name for name, _ in self.calls]

    def answer(self, caller: str, operation: str, call: Document) -> Any:
        self.calls.append((operation, call))
        if self.busy[operation] > 0:
            self.busy[operation] -= 1
            raise RestRefusal("ConcurrentModificationException", "A concurrent operation is in progress", 400)
        return getattr(self, f"do_{operation}")(caller, call)

    def do_GetDataLakeSettings(self, caller: str, call: Document) -> Document:  # noqa: N802
        """Whom the account names administrator, and the defaults of new databases and tables."""
        admins = [{"DataLakePrincipalIdentifier": name} for name in sorted(self.admins)]
        return {
            "DataLakeSettings": {
                "DataLakeAdmins": admins,
                "CreateDatabaseDefaultPermissions": self.new_databases,
                "CreateTableDefaultPermissions": self.new_tables,
            }
        }

    # --- locations

    def do_RegisterResource(self, caller: str, call: Document) -> Document:  # noqa: N802
        self.demand_admin(caller, "register")
        if call["ResourceArn"] in self.locations:
            raise RestRefusal("AlreadyExistsException", "Resource is already registered with Lake Formation", 400)
        if bool(call.get("UseServiceLinkedRole")) == bool(call.get("RoleArn")):
            raise RestRefusal("InvalidInputException", "Either a role or the service-linked role", 400)
        role = call.get("RoleArn") or LINKED_ROLE
        hybrid = call.get("HybridAccessEnabled", False)
        self.locations[call["ResourceArn"]] = {
            "ResourceArn": call["ResourceArn"],
            "RoleArn": role,
            "HybridAccessEnabled": hybrid,
        }
        return {}

    def do_DescribeResource(self, caller: str, call: Document) -> Document:  # noqa: N802
        if call["ResourceArn"] not in self.locations:
            raise RestRefusal("EntityNotFoundException", "Resource not found", 400)
        return {"ResourceInfo": self.locations[call["ResourceArn"]]}

    # --- column filters

    def do_CreateDataCellsFilter(self, caller: str, call: Document) -> Document:  # noqa: N802
        of = self.checked_filter(caller, call["TableData"])
        if of in self.filters:
            raise RestRefusal("AlreadyExistsException", f"Filter {of} already exists", 400)
        self.filters[of] = call["TableData"]
        return {}

    def do_UpdateDataCellsFilter(self, caller: str, call: Document) -> Document:  # noqa: N802
        of = self.checked_filter(caller, call["TableData"])
        self.do_GetDataCellsFilter(caller, call["TableData"])
        self.filters[of] = call["TableData"]
        return {}

    def do_GetDataCellsFilter(self, caller: str, call: Document) -> Document:  # noqa: N802
        of = (call["DatabaseName"], call["TableName"], call["Name"])
        if of not in self.filters:
            raise RestRefusal("EntityNotFoundException", f"Filter {of} not found", 400)
        return {"DataCellsFilter": self.filters[of]}

    def do_DeleteDataCellsFilter(self, caller: str, call: Document) -> Document:  # noqa: N802
        self.demand_admin(caller, "drop of a filter")
        self.do_GetDataCellsFilter(caller, call)
        of = (call["DatabaseName"], call["TableName"], call["Name"])
        if any(names for (_, place), names in self.held.items() if place == ("DataCellsFilter", *of)):
            raise RestRefusal("InvalidInputException", "Filter has grants", 400)
        del self.filters[of]
        return {}

    def checked_filter(self, caller: str, data: Document) -> tuple[str, str, str]:
        """A filter is on a table that exists, and names columns of it or all but some; and it says which rows."""
        self.demand_admin(caller, "filter")
        name = (data["DatabaseName"], data["TableName"])
        if data["TableCatalogId"] != ACCOUNT or name not in self.tables:
            raise RestRefusal("EntityNotFoundException", f"Table {name} not found", 400)
        if ("ColumnNames" in data) == ("ColumnWildcard" in data) or "RowFilter" not in data:
            raise RestRefusal(
                "InvalidInputException", "Column names or a wildcard, and a row filter, are required", 400
            )
        if strange := set(data.get("ColumnNames", [])) - set(self.columns(*name)):
            raise RestRefusal("InvalidInputException", f"Columns {strange} do not exist", 400)
        return (*name, data["Name"])

    def columns(self, database: str, table: str) -> list[str]:
        found = self.tables[database, table]
        return [one["Name"] for one in (*found["StorageDescriptor"]["Columns"], *found.get("PartitionKeys", []))]

    def readable(self, caller: str, database: str, table: str) -> set[str]:
        """Return the columns that Athena would show to a caller: of all its filters together, or of the whole table."""
        if self.may(caller, "SELECT", "Table", database, table):
            return set(self.columns(database, table))
        mine = [
            of
            for of in self.filters
            if of[:2] == (database, table) and self.may(caller, "SELECT", "DataCellsFilter", *of)
        ]
        return {column for of in mine for column in self.filters[of]["ColumnNames"]}

    # --- LF-tags

    def do_CreateLFTag(self, caller: str, call: Document) -> Document:  # noqa: N802
        self.demand_admin(caller, "create LF-tag")
        if call["TagKey"] in self.tags:
            raise RestRefusal("InvalidInputException", "Tag key already exists", 400)
        self.tags[call["TagKey"]] = self.checked_values(call["TagValues"])
        return {}

    def do_UpdateLFTag(self, caller: str, call: Document) -> Document:  # noqa: N802
        self.demand_admin(caller, "alter LF-tag")
        self.do_GetLFTag(caller, call)
        self.tags[call["TagKey"]] += self.checked_values(call["TagValuesToAdd"])
        return {}

    def do_GetLFTag(self, caller: str, call: Document) -> Document:  # noqa: N802
        if call["TagKey"] not in self.tags:
            raise RestRefusal("EntityNotFoundException", "Tag key does not exist", 400)
        return {"CatalogId": ACCOUNT, "TagKey": call["TagKey"], "TagValues": self.tags[call["TagKey"]]}

    @staticmethod
    def checked_values(values: list[str]) -> list[str]:
        if not 1 <= len(values) <= 50:
            raise RestRefusal("InvalidInputException", "1 to 50 values a call", 400)
        return values

    def do_AddLFTagsToResource(self, caller: str, call: Document) -> Document:  # noqa: N802
        """Refusals of single tags are in the body; one value of a key takes the place of another."""
        self.demand_admin(caller, "associate")
        failures = []
        for pair in call["LFTags"]:
            if (code := self.refused_tag(pair)) is None:
                for place in self.tagged(call["Resource"]):
                    self.assigned.setdefault(place, {})[pair["TagKey"]] = pair["TagValues"][0]
            else:
                failures.append({"LFTag": pair, "Error": {"ErrorCode": code, "ErrorMessage": "tag not assigned"}})
        return {"Failures": failures}

    def refused_tag(self, pair: Document) -> str | None:
        if self.refused_tags.get(pair["TagKey"]):
            return self.refused_tags[pair["TagKey"]].pop(0)
        is_known = len(pair["TagValues"]) == 1 and pair["TagValues"][0] in self.tags.get(pair["TagKey"], [])
        return None if is_known else "EntityNotFoundException"

    def do_GetResourceLFTags(self, caller: str, call: Document) -> Document:  # noqa: N802
        """A table's answer has its database's tags too; no list is empty, what has none is left out."""
        places = self.tagged(call["Resource"])
        database = {"LFTagOnDatabase": self.pairs(key("Database", places[0][1]))}
        table = {"LFTagsOnTable": self.pairs(key("Table", *places[0][1:3]))} if len(places[0]) > 2 else {}
        columns = [{"Name": of[3], "LFTags": self.pairs(of)} for of in places if of[0] == "Column" and self.pairs(of)]
        answer = {**database, **table, "LFTagsOnColumns": columns}
        return {member: found for member, found in answer.items() if found}

    def pairs(self, place: tuple[str, ...]) -> list[Document]:
        return [
            {"CatalogId": ACCOUNT, "TagKey": name, "TagValues": [value]}
            for name, value in self.assigned.get(place, {}).items()
        ]

    def tagged(self, resource: Document) -> list[tuple[str, ...]]:
        if "TableWithColumns" not in resource:
            return [self.existing("", resource)]
        of = resource["TableWithColumns"]
        self.existing("", {"Table": {"DatabaseName": of["DatabaseName"], "Name": of["Name"]}})
        if strange := set(of["ColumnNames"]) - set(self.columns(of["DatabaseName"], of["Name"])):
            raise RestRefusal("EntityNotFoundException", f"Columns {strange} do not exist", 400)
        return [key("Column", of["DatabaseName"], of["Name"], column) for column in of["ColumnNames"]]

    # --- permissions

    def do_GrantPermissions(self, caller: str, call: Document) -> Document:  # noqa: N802
        of = self.existing(caller, call["Resource"])
        self.demand_admin(caller, f"Grant on {of}")
        asked = self.expanded(of, call["Permissions"])
        self.held.setdefault((self.principal(call), of), set()).update(asked)
        return {}

    def do_RevokePermissions(self, caller: str, call: Document) -> Document:  # noqa: N802
        of = self.existing(caller, call["Resource"])
        self.demand_admin(caller, f"Revoke on {of}")
        has = self.held.get((self.principal(call), of), set())
        asked = self.expanded(of, call["Permissions"])
        if not set(call["Permissions"]) <= has:
            raise RestRefusal(
                "InvalidInputException", f"No permissions revoked. Grantee does not have: {call['Permissions']}", 400
            )
        left = has - asked - {"ALL"}
        self.held[self.principal(call), of] = left
        return {}

    def do_ListPermissions(self, caller: str, call: Document) -> Document:  # noqa: N802
        wanted = self.identity(call["Resource"]) if "Resource" in call else None
        kind = {"DATABASE": "Database", "TABLE": "Table"}.get(call.get("ResourceType", ""))
        entries = [
            entry
            for (principal, of), names in self.held.items()
            if names
            and (wanted in (None, of))
            and kind in (None, of[0])
            and ("Principal" not in call or principal == self.principal(call))
            for entry in self.listed(principal, of, names)
        ]
        return self.paged("PrincipalResourcePermissions", entries, call)

    def listed(self, principal: str, of: tuple[str, ...], names: set[str]) -> Iterator[Document]:
        """SELECT on a table is listed by itself, as one on all its columns."""
        shown = names if self.names_all else names - {"ALL"}
        whole = {"Principal": {"DataLakePrincipalIdentifier": principal}, "PermissionsWithGrantOption": []}
        if of[0] == "Table":
            name = of[2] if of[2] != "*" else "ALL_TABLES"
            table = {"CatalogId": ACCOUNT, "DatabaseName": of[1], "Name": name}
            if "SELECT" in shown:
                columns = {"TableWithColumns": {**table, "ColumnWildcard": {}}}
                yield {**whole, "Resource": columns, "Permissions": ["SELECT"]}
            wildcard = {"TableWildcard": {}} if of[2] == "*" else {}
            if rest := sorted(shown - {"SELECT"}):
                yield {**whole, "Resource": {"Table": {**table, **wildcard}}, "Permissions": rest}
            return
        members: dict[str, Document] = {
            "Catalog": {},
            "Database": {"CatalogId": ACCOUNT, "Name": of[-1]},
            "DataLocation": {"CatalogId": ACCOUNT, "ResourceArn": of[-1]},
            "DataCellsFilter": dict(
                zip(("TableCatalogId", "DatabaseName", "TableName", "Name"), (ACCOUNT, *of[1:]), strict=False)
            ),
        }
        yield {**whole, "Resource": {of[0]: members[of[0]]}, "Permissions": sorted(shown)}

    def identity(self, resource: Document) -> tuple[str, ...]:
        ((kind, of),) = resource.items()
        if kind == "Table":
            return key(kind, of["DatabaseName"], "*" if "TableWildcard" in of else of["Name"])
        if kind == "DataCellsFilter":
            return key(kind, of["DatabaseName"], of["TableName"], of["Name"])
        return key(kind, *([] if kind == "Catalog" else [of.get("Name") or of["ResourceArn"]]))

    def existing(self, caller: str, resource: Document) -> tuple[str, ...]:
        """What does not exist cannot be granted, nor a location that is not registered."""
        of = self.identity(resource)
        exists = {
            "Database": lambda: of[1] in self.databases,
            "Table": lambda: of[1] in self.databases if of[2] == "*" else (of[1], of[2]) in self.tables,
            "DataLocation": lambda: of[1] in self.locations,
            "DataCellsFilter": lambda: of[1:] in self.filters,
        }
        if of[0] in exists and not exists[of[0]]():
            raise RestRefusal("EntityNotFoundException", f"{' '.join(of)} not found", 400)
        return of

    @staticmethod
    def expanded(of: tuple[str, ...], names: list[str]) -> set[str]:
        if strange := set(names) - set(SINGLE[of[0]]) - ({"ALL"} if of[0] in ("Database", "Table") else set()):
            raise RestRefusal("InvalidInputException", f"Permissions {strange} are not valid for {of[0]}", 400)
        return set(names) | (set(SINGLE[of[0]]) if "ALL" in names else set())

    @staticmethod
    def principal(call: Document) -> str:
        return str(call["Principal"]["DataLakePrincipalIdentifier"])

    def demand_admin(self, caller: str, what: str) -> None:
        if caller not in self.admins:
            raise RestRefusal(
                "AccessDeniedException", f"Insufficient Lake Formation permission(s): Required {what}", 400
            )

    def paged(self, member: str, found: list[Any], call: Document) -> Document:
        """The first page is empty and has a successor, as the API reference allows."""
        if "NextToken" not in call:
            return {member: [], "NextToken": json.dumps(0)}
        start = json.loads(call["NextToken"])
        following = {"NextToken": json.dumps(start + self.page)} if start + self.page < len(found) else {}
        return {member: found[start : start + self.page], **following}

    # --- the catalog that it governs

    def may(self, caller: str, permission: str, *of: str) -> bool:
        """Return True if the caller, or everyone whom IAM admits, has the permission; table permissions on all tables count."""
        places = [of, *([(of[0], of[1], "*")] if of[0] == "Table" else [])]
        return any(permission in self.held.get((who, place), set()) for who in (caller, OPEN) for place in places)

    def sees(self, caller: str, *of: str) -> bool:
        names = SINGLE[of[0]]
        return caller in self.admins or any(self.may(caller, name, *of) for name in names)

    def glue(self, caller: str, operation: str, call: Document) -> Any:
        self.calls.append((f"glue.{operation}", call))
        return getattr(self, f"glue_{operation}")(caller, call)

    def glue_GetDatabase(self, caller: str, call: Document) -> Document:  # noqa: N802
        if call["Name"] not in self.databases or not self.sees(caller, "Database", call["Name"]):
            raise ServiceRefusal("EntityNotFoundException", f"Database {call['Name']} not found.")
        return {"Database": self.databases[call["Name"]]}

    def glue_CreateDatabase(self, caller: str, call: Document) -> Document:  # noqa: N802
        database = call["DatabaseInput"]
        if database["Name"] in self.databases:
            raise ServiceRefusal("AlreadyExistsException", "Database already exists.")
        if caller not in self.admins and not self.may(caller, "CREATE_DATABASE", "Catalog"):
            raise self.insufficient("Create Database on Catalog")
        self.databases[database["Name"]] = {"CreateTableDefaultPermissions": self.new_tables, **database}
        self.held[caller, key("Database", database["Name"])] = {"ALL", *SINGLE["Database"]}
        if self.new_databases:
            self.held[OPEN, key("Database", database["Name"])] = {"ALL", *SINGLE["Database"]}
        return {}

    def glue_UpdateDatabase(self, caller: str, call: Document) -> Document:  # noqa: N802
        self.glue_GetDatabase(caller, call)
        self.databases[call["Name"]] = {"Name": call["Name"], **call["DatabaseInput"]}  # what is not named is reset
        return {}

    def glue_GetTable(self, caller: str, call: Document) -> Document:  # noqa: N802
        name = (call["DatabaseName"], call["Name"])
        if name not in self.tables or not self.sees(caller, "Table", *name):
            raise ServiceRefusal("EntityNotFoundException", f"Entity Not Found: {name}")
        return {"Table": self.tables[name]}

    def glue_GetTables(self, caller: str, call: Document) -> Document:  # noqa: N802
        if call["DatabaseName"] not in self.databases:
            raise ServiceRefusal("EntityNotFoundException", f"Database {call['DatabaseName']} not found.")
        names = [name for name in self.tables if name[0] == call["DatabaseName"] and self.sees(caller, "Table", *name)]
        return self.paged("TableList", [self.tables[name] for name in names], call)

    def glue_CreateTable(self, caller: str, call: Document) -> Document:  # noqa: N802
        database, table = call["DatabaseName"], call["TableInput"]
        if (database, table["Name"]) in self.tables:
            raise ServiceRefusal("AlreadyExistsException", "Table already exists.")
        if not self.may(caller, "CREATE_TABLE", "Database", database):
            raise self.insufficient(f"Create Table on {database}")
        location = table["StorageDescriptor"]["Location"].replace("s3://", "arn:aws:s3:::")
        for arn in self.locations:
            if (
                location.startswith(arn)
                and caller not in self.admins
                and not self.may(caller, "DATA_LOCATION_ACCESS", "DataLocation", arn)
            ):
                raise self.insufficient(f"Data Location Access on {arn}")
        self.add_table(database, table, caller)
        return {}

    def glue_UpdateTable(self, caller: str, call: Document) -> Document:  # noqa: N802
        database, table = call["DatabaseName"], call["TableInput"]
        if not self.may(caller, "ALTER", "Table", database, table["Name"]):
            raise self.insufficient(f"Alter on {database}.{table['Name']}")
        self.tables[database, table["Name"]] |= table
        return {}

    def glue_DeleteTable(self, caller: str, call: Document) -> Document:  # noqa: N802
        if not self.may(caller, "DROP", "Table", call["DatabaseName"], call["Name"]):
            raise self.insufficient(f"Drop on {call['Name']}")
        del self.tables[call["DatabaseName"], call["Name"]]
        return {}

    def add_table(self, database: str, table: Document, caller: str = "") -> None:
        """Add a table; its maker has all of it, and everyone whom IAM admits if the database says so."""
        place = key("Table", database, table["Name"])
        self.tables[database, table["Name"]] = {"DatabaseName": database, "VersionId": "0", **table}
        self.held[caller, place] = {"ALL", *SINGLE["Table"]}
        if self.databases[database].get("CreateTableDefaultPermissions"):
            self.held[OPEN, place] = {"ALL", *SINGLE["Table"]}

    @staticmethod
    def insufficient(what: str) -> ServiceRefusal:
        return ServiceRefusal("AccessDeniedException", f"Insufficient Lake Formation permission(s): Required {what}")


@contextmanager
def serving(account: Callable[[], LakeFormation], caller: str) -> Iterator[tuple[str, str]]:
    """Serve a caller in the account of the moment. Gives the addresses of Lake Formation and of Glue."""
    with (
        serving_rest(lambda _, path, __, body: account().answer(caller, path.strip("/"), body)) as formation,
        serving_json(lambda operation, call: account().glue(caller, operation, call)) as glue,
    ):
        yield formation, glue
