"""Grants of lake.yml on a protocol server of Lake Formation: added, compared, taken back; never another's."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lake_formation.permissions import covered, every_listed
from lakeworks.infrastructure.lake_formation.record import RECORD_KEY
from tests.lakeworks.infrastructure.lake_formation.conftest import ADMIN, ANALYST, RUNS, GovernedAccount, outcomes
from tests.support.lake_formation import OPEN, SINGLE

DATABASE = ("Database", "gold_transport")
TABLE = ("Table", "gold_transport", "hourly_demand")


def grant(*permissions: str, table: str | None = None, principal: str = ANALYST) -> dict[str, Any]:
    return {"principal": principal, "database": "gold_transport", "table": table, "permissions": permissions}


@pytest.fixture
def table(account: GovernedAccount) -> None:
    """The table that a run has made."""
    account.applied()
    column = {"Name": "trip_count", "Type": "bigint"}
    location = {"Location": "s3://lake/gold/transport/hourly_demand/", "Columns": [column]}
    account.formation.add_table("gold_transport", {"Name": "hourly_demand", "StorageDescriptor": location}, ADMIN)


def recorded(account: GovernedAccount) -> list[Any]:
    return list(json.loads(account.s3.objects[RECORD_KEY]["body"])["grants"])


@pytest.mark.parametrize("names_all", [True, False])
def test_all_is_what_aws_makes_of_it(account: GovernedAccount, names_all: bool) -> None:
    """AWS lists ALL as its parts; taken literally, that was `still missing: - ALTER`."""
    account.formation.names_all = names_all
    grants = [grant("ALL"), grant("SUPER", table="*")]
    assert set(account.planned(grants=grants)) >= {f"grant {ANALYST} on every table of gold_transport"}
    assert outcomes(account.applied(grants=grants)) == {"created"}
    assert outcomes(account.applied(grants=grants)) == {"unchanged"}
    assert account.held(ANALYST, *DATABASE) == {"ALL", *SINGLE["Database"]}
    assert account.held(ANALYST, "Table", "gold_transport", "*") == {"ALL", *SINGLE["Table"]}


@pytest.mark.usefixtures("table")
def test_select_on_a_table_is_found_as_all_its_columns(account: GovernedAccount) -> None:
    declared = [grant("SELECT", "DESCRIBE", table="hourly_demand")]
    assert account.applied(grants=declared)[f"grant {ANALYST} on gold_transport.hourly_demand"].outcome == "created"
    assert outcomes(account.applied(grants=declared)) == {"unchanged"}


def test_every_page_is_read(account: GovernedAccount) -> None:
    account.applied(grants=[grant("ALL"), grant("DESCRIBE", principal=RUNS)])
    listed = every_listed(account.clients()("lakeformation").list_permissions, "PrincipalResourcePermissions")
    assert len(listed) == 3, "bootstrap's own and two, on pages of none, two and one"


def test_others_permissions_are_no_difference(account: GovernedAccount) -> None:
    account.applied()
    account.formation.held[ANALYST, DATABASE] = {"ALTER"}
    first = account.applied(grants=[grant("DESCRIBE")])[f"grant {ANALYST} on gold_transport"]
    assert [str(line) for line in first.lines] == ["+ DESCRIBE = True"]
    assert outcomes(account.applied(grants=[grant("DESCRIBE")])) == {"unchanged"}
    assert account.held(ANALYST, *DATABASE) == {"ALTER", "DESCRIBE"}


def test_a_grant_that_leaves_the_file_is_taken_back_and_nothing_else(account: GovernedAccount) -> None:
    account.applied()
    account.formation.held[ANALYST, DATABASE] = {"ALTER"}
    account.applied(grants=[grant("DESCRIBE", "ALTER"), grant("DESCRIBE", principal=RUNS)])
    (planned,) = [
        one for name, one in account.planned(grants=[grant("DESCRIBE", principal=RUNS)]).items() if "retired" in name
    ]
    assert (planned.outcome, [str(line) for line in planned.lines]) == ("change", ["- DESCRIBE (was True)"])
    assert planned.remarks == ("lake.yml does not grant it any more, and bootstrap did",)
    account.applied(grants=[grant("DESCRIBE", principal=RUNS)])
    assert account.held(ANALYST, *DATABASE) == {"ALTER"}, "that one another had granted"
    assert account.held(RUNS, *DATABASE) == {"DESCRIBE"}
    assert [one["principal"] for one in recorded(account)] == [RUNS]
    account.applied()
    assert recorded(account) == []
    assert outcomes(account.applied()) == {"unchanged"}


def test_of_an_all_that_shrinks_the_rest_stays(account: GovernedAccount) -> None:
    account.applied(grants=[grant("ALL")])
    account.applied(grants=[grant("DESCRIBE")])
    assert account.held(ANALYST, *DATABASE) == {"DESCRIBE"}
    assert [one["permissions"] for one in recorded(account)] == [["DESCRIBE"]]


def test_who_has_all_from_another_keeps_it(account: GovernedAccount) -> None:
    account.applied(grants=[grant("DESCRIBE")])
    account.formation.held[ANALYST, DATABASE] = {"ALL", *SINGLE["Database"]}
    account.applied()
    assert account.held(ANALYST, *DATABASE) == {"ALL", *SINGLE["Database"]}
    assert recorded(account) == []


def test_what_was_dropped_meanwhile_is_crossed_out(account: GovernedAccount) -> None:
    account.applied(grants=[grant("DESCRIBE")])
    del account.formation.databases["gold_transport"]
    account.contracts = []
    assert outcomes(account.applied()) == {"changed"}
    assert recorded(account) == []


def test_it_is_written_down_before_it_is_granted(account: GovernedAccount) -> None:
    """A bootstrap killed between the two leaves an entry too many, never a grant that nobody takes back."""
    account.applied()
    account.formation.admins = set()
    denied = account.applied(grants=[grant("DESCRIBE")])[f"grant {ANALYST} on gold_transport"]
    assert denied.outcome == "denied"
    assert "run the bootstrap as a data lake administrator" in denied.detail
    assert [one["principal"] for one in recorded(account)] == [ANALYST]
    account.formation.admins = {ADMIN}
    assert outcomes(account.applied()) == {"changed", "unchanged"}, (
        "the entry is crossed out, nothing was there to revoke"
    )


def test_a_record_that_does_not_parse_stops_grants_and_only_those(account: GovernedAccount) -> None:
    account.s3.put_object(Bucket="lake", Key=RECORD_KEY, Body=b'{"grants": [')
    changes = account.applied(grants=[grant("DESCRIBE")])
    assert {name.split()[0]: one.outcome for name, one in changes.items()} == {"grant": "failed", "database": "created"}
    assert "does not know which grants are its own" in changes["grant record lake"].detail
    assert account.held(ANALYST, *DATABASE) == set()


def test_two_bootstraps_at_once_lose_no_entry(account: GovernedAccount) -> None:
    account.applied(grants=[grant("DESCRIBE")])
    put = account.s3.put_object

    def overtaken(**call: Any) -> Any:
        account.s3.put_object = put
        put(Bucket="lake", Key=RECORD_KEY, Body=account.s3.objects[RECORD_KEY]["body"] + b" ")
        return put(**call)

    account.s3.put_object = overtaken
    change = account.applied(grants=[grant("DESCRIBE"), grant("DESCRIBE", principal=RUNS)])
    assert change[f"grant {RUNS} on gold_transport"].outcome == "failed"
    assert "Another bootstrap changes" in change[f"grant {RUNS} on gold_transport"].detail
    assert account.held(RUNS, *DATABASE) == set()


def test_another_change_under_way_is_waited_for(account: GovernedAccount) -> None:
    account.formation.busy["GrantPermissions"] = 1
    account.applied(grants=[grant("DESCRIBE")])
    account.formation.busy["RevokePermissions"] = 1
    assert account.applied()[f"retired grant {ANALYST} on gold_transport"].outcome == "changed"
    assert account.formation.operations().count("GrantPermissions") == 2


def test_a_table_that_no_run_made_is_waited_for(account: GovernedAccount) -> None:
    change = account.applied(grants=[grant("SELECT", table="hourly_demand")])
    postponed = change[f"grant {ANALYST} on gold_transport.hourly_demand"]
    assert (postponed.outcome, "a run makes it with the first publication" in postponed.detail) == ("postponed", True)
    assert RECORD_KEY not in account.s3.objects


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"principal": "IAM_ALLOWED_PRINCIPALS"}, "everyone whom IAM admits"),
        ({"principal": "IAMAllowedPrincipals"}, "everyone whom IAM admits"),
        ({"principal": "arn:aws:sts::123456789012:assumed-role/analyst/me"}, "is a session; name its role"),
        ({"principal": "analyst"}, "is no principal of Lake Formation"),
        ({"permissions": ["SELECT"]}, "a database has no permission SELECT"),
        ({"permissions": []}, "at least 1 item"),
        ({"table": "t", "permissions": ["CREATE_TABLE"]}, "a table has no permission CREATE_TABLE"),
    ],
)
def test_a_grant_that_aws_would_refuse_is_refused_at_load(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as error:
        LakeConfig.model_validate({"grants": [{**grant("DESCRIBE"), **change}]})
    assert error.value.error_count() == 1


@pytest.mark.parametrize(
    "principal",
    [
        "arn:aws-us-gov:iam::123456789012:role/team/analyst", "arn:aws:iam::123456789012:user/me", "123456789012",
        "arn:aws:iam::123456789012:saml-provider/okta:group/analysts", "arn:aws:quicksight:eu-west-1:123456789012:group/default/x",
        "arn:aws:identitystore:::group/1234", "arn:aws:organizations::123456789012:ou/o-abc/ou-def",
    ],
)  # fmt: skip
def test_every_principal_of_lake_formation_is_taken(principal: str) -> None:
    (taken,) = LakeConfig.model_validate({"grants": [grant("DESCRIBE", principal=principal)]}).grants
    assert taken.principal == principal


def test_all_covers_and_is_covered() -> None:
    target = {"Database": {"Name": "d"}}
    assert covered("ALTER", {"ALL"}, target)
    assert covered("ALL", set(SINGLE["Database"]), target)
    assert not covered("ALL", set(SINGLE["Database"]) - {"DROP"}, target)
    assert not covered("ALL", set(), {"Catalog": {}})
    assert OPEN == "IAM_ALLOWED_PRINCIPALS"
