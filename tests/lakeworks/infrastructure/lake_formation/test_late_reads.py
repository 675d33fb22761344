"""Lake Formation that answers the past for a while: bootstrap waits for locations, grants, filters and tags."""

from typing import Any

import pytest

from lakeworks.infrastructure.confirmation import AWS_PAUSES, Confirmation
from lakeworks.infrastructure.plan_apply import ResourceChange, apply
from tests.conftest import client
from tests.lakeworks.infrastructure.lake_formation.conftest import ADMIN, ANALYST, RUNS, GovernedAccount
from tests.support.lake_formation import OPEN_TO_ALL
from tests.support.late_reads import LateReads

LAG = 6
GOVERNED: dict[str, Any] = {
    "lake_formation": {
        "roles": [RUNS],
        "tags": True,
        "readers": [{"name": "analysts", "principals": [ANALYST], "tables": ["gold.transport.hourly_demand"]}],
        "revoke_iam_allowed_principals": ["gold_transport"],
    },
    "grants": [{"principal": f"{ANALYST}-2", "database": "gold_transport", "permissions": ["DESCRIBE"]}],
}


@pytest.fixture
def late(account: GovernedAccount) -> LateReads:
    known = account.clients()

    def made(service: str, region: str | None = None) -> Any:
        there = known(service)
        return there if service == "s3" else client(service, there.meta.endpoint_url)

    return LateReads(made, LAG)


def applied(
    account: GovernedAccount, late: LateReads, pauses: tuple[float, ...] = AWS_PAUSES, **fields: Any
) -> list[ResourceChange]:
    """Apply, then let the lag pass: the next run sees all of it."""
    patience = Confirmation(pauses, is_aws=True, sleep=late.sleep)
    changes = list(apply(account.resources(**fields), late, lambda _: patience))
    late.sleep(LAG)
    return changes


def add_table(account: GovernedAccount) -> None:
    (contract,) = account.contracts
    columns = [{"Name": name, "Type": "string"} for name in contract.columns]
    storage = {"Location": "s3://lake/gold/transport/hourly_demand/", "Columns": columns}
    account.formation.add_table("gold_transport", {"Name": "hourly_demand", "StorageDescriptor": storage}, ADMIN)


def kinds(changes: list[ResourceChange], *outcomes: str) -> set[str]:
    return {change.kind for change in changes if change.outcome in outcomes}


def test_everything_is_waited_for(account: GovernedAccount, late: LateReads) -> None:
    account.formation.new_databases = account.formation.new_tables = OPEN_TO_ALL
    first = applied(account, late, **GOVERNED)
    add_table(account)
    second = applied(account, late, **GOVERNED)
    assert {change.outcome for change in applied(account, late, **GOVERNED)} == {"unchanged"}
    fewer = applied(account, late, lake_formation={"roles": [RUNS]})
    assert kinds(first, "created", "changed") == {
        "database", "default of new tables", "grant", "iam allowed principals", "lake formation location", "lf-tag", "lf-tags",
    }  # fmt: skip
    assert {"column filter", "column lf-tags", "grant"} <= kinds(second, "created", "changed")
    assert kinds(fewer, "changed") == {"retired filter", "retired grant"}
    assert {change.outcome for change in (*first, *second, *fewer)} <= {"created", "changed", "unchanged", "postponed"}
    services = ("DescribeResource", "ListPermissions", "GetDataCellsFilter", "GetLFTag", "GetResourceLFTags")
    assert late.delayed >= {f"lakeformation.{name}" for name in services}


def test_without_patience_what_was_set_is_unconfirmed(account: GovernedAccount, late: LateReads) -> None:
    first = applied(account, late, pauses=(), **GOVERNED)
    assert {"grant", "lake formation location", "lf-tag", "lf-tags"} <= kinds(first, "unconfirmed")
    assert kinds(first, "created", "changed") == set()
    assert kinds(applied(account, late, pauses=(), **GOVERNED), "unconfirmed") == set(), "the next run finds them"
