"""A governed account: what the lake's role needs comes first, so that its tables can be made."""

from typing import Any

import pytest

from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.plan_apply import apply
from tests.lakeworks.infrastructure.lake_formation.conftest import ADMIN, ANALYST, RUNS, GovernedAccount, outcomes
from tests.support.lake_formation import LINKED_ROLE

OPEN_DATABASES = "iam allowed principals databases of the lake"
ARN = "arn:aws:s3:::lake"
FORMATION: dict[str, Any] = {"lake_formation": {"roles": [RUNS]}}
TABLE = {"Name": "t", "StorageDescriptor": {"Location": "s3://lake/gold/transport/t/", "Columns": []}}


def test_location_and_rights_of_the_role_come_before_the_databases(account: GovernedAccount) -> None:
    planned = account.planned(**FORMATION)
    assert planned.pop(OPEN_DATABASES).outcome == "unchanged"
    assert outcomes(planned) == {"create"}
    assert account.formation.locations == {}
    assert outcomes(account.applied(**FORMATION)) == {"created", "unchanged"}
    assert outcomes(account.applied(**FORMATION)) == {"unchanged"}
    made = [
        name
        for name in account.formation.operations()
        if name.split(".")[-1].startswith(("Register", "Grant", "Create"))
    ]
    assert made[:4] == ["RegisterResource", "GrantPermissions", "GrantPermissions", "glue.CreateDatabase"]
    first = [call["Resource"] for name, call in account.formation.calls if name == "GrantPermissions"][:2]
    assert first == [{"DataLocation": {"ResourceArn": ARN}}, {"Catalog": {}}]
    assert account.formation.locations[ARN]["RoleArn"] == LINKED_ROLE


def test_a_role_makes_tables_as_soon_as_the_databases_are_there(account: GovernedAccount) -> None:
    """Bootstrap may be killed anywhere: whatever it has made, the role can use."""
    glue = account.clients(RUNS)("glue")
    for change in apply(account.resources(**FORMATION), account.clients()):
        if change.kind == "database":
            glue.create_database(DatabaseInput={"Name": "made_by_the_role"})
            glue.create_table(DatabaseName="made_by_the_role", TableInput=TABLE)
    glue.create_table(DatabaseName="gold_transport", TableInput=TABLE)
    assert glue.get_table(DatabaseName="gold_transport", Name="t")["Table"]["Name"] == "t"


@pytest.mark.parametrize("left_out", [("DataLocation", ARN), ("Database", "gold_transport")])
def test_without_one_of_them_the_role_makes_no_table(account: GovernedAccount, left_out: tuple[str, ...]) -> None:
    account.applied(**FORMATION)
    del account.formation.held[RUNS, left_out]
    glue = account.clients(RUNS)("glue")
    with pytest.raises(glue.exceptions.AccessDeniedException, match="Insufficient Lake Formation permission"):
        glue.create_table(DatabaseName="gold_transport", TableInput=TABLE)


def test_without_create_database_the_role_makes_no_database(account: GovernedAccount) -> None:
    account.applied(**FORMATION)
    del account.formation.held[RUNS, ("Catalog",)]
    glue = account.clients(RUNS)("glue")
    with pytest.raises(glue.exceptions.AccessDeniedException, match="Create Database"):
        glue.create_database(DatabaseInput={"Name": "another"})


def test_each_layers_bucket_is_registered(account: GovernedAccount) -> None:
    account.applied(layer_buckets={"gold": "gold-bucket"}, **FORMATION)
    assert set(account.formation.locations) == {ARN, "arn:aws:s3:::gold-bucket"}
    assert account.held(RUNS, "DataLocation", "arn:aws:s3:::gold-bucket") == {"DATA_LOCATION_ACCESS"}


def test_a_registration_that_differs_is_left_alone(account: GovernedAccount) -> None:
    theirs = "arn:aws:iam::123456789012:role/theirs"
    account.clients()("lakeformation").register_resource(ResourceArn=ARN, RoleArn=theirs, HybridAccessEnabled=True)
    change = account.applied(**FORMATION)[f"lake formation location {ARN}"]
    assert change.outcome == "foreign"
    assert f"it is registered with {theirs}, with hybrid access" in change.detail
    ours: dict[str, Any] = {"lake_formation": {"roles": [RUNS], "registration_role": theirs, "hybrid_access": True}}
    assert account.applied(**ours)[f"lake formation location {ARN}"].outcome == "unchanged"


def test_a_bootstrap_that_is_no_administrator_says_so(account: GovernedAccount) -> None:
    account.formation.admins = set()
    changes = account.applied(**FORMATION)
    assert changes.pop(OPEN_DATABASES).outcome == "unchanged"
    assert {one.outcome for name, one in changes.items() if not name.startswith("grant")} == {"denied"}
    assert all("data lake administrator" in one.detail for one in changes.values() if one.outcome == "denied")


def test_a_role_that_leaves_the_file_loses_what_bootstrap_gave(account: GovernedAccount) -> None:
    account.applied(lake_formation={"roles": [RUNS, ANALYST]})
    account.applied(**FORMATION)
    left = {of: names for (who, of), names in account.formation.held.items() if who == ANALYST and names}
    assert left == {}
    assert account.held(RUNS, "Catalog") == {"CREATE_DATABASE"}


def test_without_the_section_nothing_of_lake_formation_is_asked(account: GovernedAccount) -> None:
    account.applied()
    assert {name for name in account.formation.operations() if not name.startswith("glue.")} == set()
    assert LakeConfig().lake_formation is None
    assert ADMIN in account.formation.admins


def test_a_database_that_is_hidden_is_denied_in_these_words(account: GovernedAccount) -> None:
    """Lake Formation answers `not found` for what exists; that was `failed`, to be run again for ever."""
    account.applied(**FORMATION)
    change = account.applied(ANALYST)["database gold_transport"]
    assert (change.outcome, "Lake Formation hides it from these credentials" in change.detail) == ("denied", True)
    assert account.applied()["database gold_transport"].outcome == "unchanged"


def test_a_tenants_database_is_made_by_a_role_of_the_lake_and_read_by_grant(account: GovernedAccount) -> None:
    acme, other = (f"arn:aws:iam::123456789012:role/{name}" for name in ("acme", "other"))
    where = {"principal": acme, "database": "acme__gold_transport"}
    grants = [{**where, "permissions": ["DESCRIBE"]}, {**where, "table": "*", "permissions": ["SELECT", "DESCRIBE"]}]
    account.applied(**FORMATION)
    runs = account.clients(RUNS)("glue")
    runs.create_database(DatabaseInput={"Name": "acme__gold_transport"})  # `lakeworks tenant add`
    theirs = {"Name": "t", "StorageDescriptor": {"Location": "s3://lake/gold/tenant=acme/transport/t/", "Columns": []}}
    runs.create_table(DatabaseName="acme__gold_transport", TableInput=theirs)
    assert outcomes(account.applied(grants=grants, **FORMATION)) == {"created", "unchanged"}
    assert outcomes(account.applied(grants=grants, **FORMATION)) == {"unchanged"}
    for role, sees in ((acme, True), (other, False)):
        glue = account.clients(role)("glue")
        assert tables_seen(glue) == (["t"] if sees else [])
        with pytest.raises(glue.exceptions.AccessDeniedException, match="Insufficient Lake Formation permission"):
            glue.create_table(DatabaseName="acme__gold_transport", TableInput={**theirs, "Name": "of_another"})
    account.applied(grants=[], **FORMATION)
    assert tables_seen(account.clients(acme)("glue")) == []


def tables_seen(glue: Any) -> list[str]:
    """Of the tenant's database, by one caller."""
    pages = glue.get_paginator("get_tables").paginate(DatabaseName="acme__gold_transport")
    return [table["Name"] for page in pages for table in page["TableList"]]
