"""Readers see the columns that contracts let them see, and no moment shows more; nobody is cut off unasked."""

from typing import Any

import pytest
from pydantic import ValidationError

from lakeworks.contract import Contract, load_contract
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import LakeConfig
from tests.lakeworks.infrastructure.lake_formation.conftest import ADMIN, ANALYST, RUNS, GovernedAccount, outcomes
from tests.support.lake_formation import OPEN, OPEN_TO_ALL, SINGLE

ORDERS = load_contract("silver.commerce.customers")
PLACE = ("silver_commerce", "customers")
PERSONAL = {name for name, column in ORDERS.columns.items() if column.pii}


def reader(**changes: Any) -> dict[str, Any]:
    return {"name": "analysts", "principals": [ANALYST], "tables": ["silver.commerce.*"], **changes}


def formation(*readers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"lake_formation": {"roles": [RUNS], "readers": readers, **changes}}


def published(account: GovernedAccount, *more: str) -> None:
    """A run has made the table, with columns that the contract does not have yet."""
    columns = [
        {"Name": name, "Type": "string"} for name in (*ORDERS.columns, *more) if name not in ORDERS.partition_keys
    ]
    keys = [{"Name": name, "Type": "string"} for name in ORDERS.partition_keys]
    storage = {"Location": "s3://lake/silver/commerce/customers/", "Columns": columns}
    table = {"Name": "customers", "StorageDescriptor": storage, "PartitionKeys": keys}
    account.formation.add_table("silver_commerce", table, RUNS)


@pytest.fixture
def lake(account: GovernedAccount) -> GovernedAccount:
    account.contracts = [ORDERS]
    account.applied(lake_formation={"roles": [RUNS]})
    published(account, "added_by_a_run")
    return account


def changed(contract: Contract, column: str, **fields: Any) -> Contract:
    columns = {**contract.columns, column: contract.columns[column].model_copy(update=fields)}
    return contract.model_copy(update={"columns": columns})


def test_personal_columns_are_withheld_and_what_no_contract_knows(lake: GovernedAccount) -> None:
    assert PERSONAL
    assert outcomes(lake.applied(**formation(reader(classification="restricted")))) == {"created", "unchanged"}
    assert outcomes(lake.applied(**formation(reader(classification="restricted")))) == {"unchanged"}
    seen = lake.formation.readable(ANALYST, *PLACE)
    assert seen == {*ORDERS.columns, *ORDERS.partition_keys} - PERSONAL
    assert lake.held(ANALYST, "Database", "silver_commerce") == {"DESCRIBE"}
    glue = lake.clients(ANALYST)("glue")
    assert glue.get_database(Name="silver_commerce")["Database"]["Name"] == "silver_commerce"


def test_who_may_see_personal_data_does(lake: GovernedAccount) -> None:
    lake.applied(**formation(reader(classification="restricted", personal_data=True)))
    assert lake.formation.readable(ANALYST, *PLACE) == {*ORDERS.columns, *ORDERS.partition_keys}


def test_a_change_of_the_contract_changes_the_filter_in_place(lake: GovernedAccount) -> None:
    lake.applied(**formation(reader(classification="restricted")))
    plain = next(name for name in ORDERS.columns if name not in PERSONAL and name not in ORDERS.partition_keys)
    lake.contracts = [changed(ORDERS, plain, pii=True)]
    change = lake.planned(**formation(reader(classification="restricted")))[
        "column filter silver_commerce.customers for analysts"
    ]
    assert [str(line) for line in change.lines] == [f"- {plain} (was True)"]
    lake.applied(**formation(reader(classification="restricted")))
    assert plain not in lake.formation.readable(ANALYST, *PLACE)
    assert lake.formation.operations().count("RevokePermissions") == 0, "nobody loses the rest for a moment"
    lake.contracts = [changed(ORDERS, plain, classification="confidential")]
    lake.applied(**formation(reader()))
    assert plain not in lake.formation.readable(ANALYST, *PLACE)


def test_a_column_can_be_withheld_by_name(lake: GovernedAccount) -> None:
    plain = next(name for name in ORDERS.columns if name not in PERSONAL)
    lake.applied(**formation(reader(classification="restricted", withhold=[f"silver.commerce.customers.{plain}"])))
    assert plain not in lake.formation.readable(ANALYST, *PLACE)


def test_a_reader_that_leaves_loses_grants_and_filters(lake: GovernedAccount) -> None:
    lake.applied(**formation(reader()))
    assert outcomes(lake.applied(**formation())) == {"changed", "unchanged"}
    assert lake.formation.filters == {}
    assert {of for (who, of), names in lake.formation.held.items() if who == ANALYST and names} == set()


def test_before_the_first_publication_a_filter_waits(account: GovernedAccount) -> None:
    account.contracts = [ORDERS]
    changes = account.applied(**formation(reader()))
    assert changes["column filter silver_commerce.customers for analysts"].outcome == "postponed"
    assert account.formation.filters == {}
    published(account)
    assert outcomes(account.applied(**formation(reader()))) == {"created", "unchanged"}


@pytest.mark.parametrize(
    ("readers", "says"),
    [
        ([reader(tables=["gold.nothing.*"])], "names `gold.nothing.*`, and no table has that name"),
        ([reader(withhold=["silver.commerce.customers.no_such"])], "withholds `silver.commerce.customers.no_such`"),
    ],
)
def test_what_no_contract_has_is_refused_before_any_call(
    account: GovernedAccount, readers: list[Any], says: str
) -> None:
    account.contracts = [ORDERS]
    with pytest.raises(ConfigError, match=says):
        account.planned(**formation(*readers))
    assert "RegisterResource" not in account.formation.operations()


def test_a_grant_that_would_undo_the_filter_is_refused(account: GovernedAccount) -> None:
    account.contracts = [ORDERS]
    whole = {"principal": ANALYST, "database": "silver_commerce", "table": "*", "permissions": ["SELECT"]}
    with pytest.raises(ConfigError, match="so the filter would hide nothing"):
        account.planned(**formation(reader()), grants=[whole])


@pytest.mark.parametrize("second", [reader(name="others"), reader(principals=[RUNS])])
def test_two_readers_have_no_name_and_no_principal_in_common(second: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="two readers"):
        LakeConfig.model_validate(formation(reader(), second))


# --- IAMAllowedPrincipals


@pytest.fixture
def open_account(account: GovernedAccount) -> GovernedAccount:
    account.formation.new_databases = account.formation.new_tables = OPEN_TO_ALL
    account.contracts = [ORDERS]
    account.applied()
    published(account)
    return account


CLOSED: dict[str, Any] = {"revoke_iam_allowed_principals": ["silver_commerce"]}
LINE = "iam allowed principals databases of the lake"


def test_a_database_that_iam_opens_stays_open_and_the_plan_says_so(open_account: GovernedAccount) -> None:
    change = open_account.applied(**formation())[LINE]
    assert change.outcome == "unchanged"
    assert "IAMAllowedPrincipals keeps every permission on silver_commerce" in change.remarks[0]
    assert open_account.held(OPEN, "Table", *PLACE) == {"ALL", *SINGLE["Table"]}
    assert open_account.formation.databases["silver_commerce"]["CreateTableDefaultPermissions"] == OPEN_TO_ALL


def test_on_demand_it_is_closed_for_tables_of_today_and_tomorrow(open_account: GovernedAccount) -> None:
    open_account.formation.databases["silver_commerce"] |= {"Description": "ours", "Parameters": {"owner": "x"}}
    planned = open_account.planned(**formation(**CLOSED))[LINE]
    assert "principals with IAM permissions alone lose them at once" in planned.remarks[0]
    assert [str(line) for line in planned.lines] == [
        "- silver_commerce (was True)",
        "- silver_commerce.customers (was True)",
    ]
    assert outcomes(open_account.applied(**formation(**CLOSED))) == {"created", "changed", "unchanged"}
    assert open_account.held(OPEN, "Table", *PLACE) == set()
    kept = open_account.formation.databases["silver_commerce"]
    assert (kept["Description"], kept["Parameters"]) == ("ours", {"owner": "x"})
    glue = open_account.clients(RUNS)("glue")
    storage = {"Location": "s3://lake/silver/commerce/new/", "Columns": []}
    glue.create_table(DatabaseName="silver_commerce", TableInput={"Name": "new", "StorageDescriptor": storage})
    assert open_account.held(OPEN, "Table", "silver_commerce", "new") == set()
    assert outcomes(open_account.applied(**formation(**CLOSED))) == {"unchanged"}
    assert open_account.formation.new_tables == OPEN_TO_ALL, "the account's default is not bootstrap's"


def test_nothing_is_closed_while_a_role_of_the_lake_would_lose_it(open_account: GovernedAccount) -> None:
    open_account.formation.do_GrantPermissions = lambda *_: {}  # type: ignore[method-assign] # taken, and not kept
    change = open_account.applied(**formation(**CLOSED))[LINE]
    assert (change.outcome, "was not revoked from any database" in change.detail) == ("failed", True)
    assert open_account.held(OPEN, "Database", "silver_commerce") == {"ALL", *SINGLE["Database"]}


def test_a_database_of_others_cannot_be_named(account: GovernedAccount) -> None:
    with pytest.raises(ConfigError, match="which is no database of the contracts"):
        account.planned(**formation(revoke_iam_allowed_principals=["payroll"]))
    assert ADMIN in account.formation.admins
