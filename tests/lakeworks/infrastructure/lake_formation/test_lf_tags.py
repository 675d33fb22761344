"""LF-tags follow the contracts; what others made of them stays, and what AWS refuses in its answer is reported."""

from typing import Any

import pytest

from lakeworks.contract import load_contract
from lakeworks.contract.object_tags import CLASSES
from lakeworks.infrastructure.lake_formation.lf_tags import AssignedTags, LfTag
from lakeworks.infrastructure.lake_formation.permissions import database_target
from lakeworks.infrastructure.plan_apply import apply
from lakeworks.infrastructure.resource import Resource
from tests.lakeworks.infrastructure.lake_formation.conftest import RUNS, GovernedAccount, outcomes

CUSTOMERS = load_contract("silver.commerce.customers")
PERSONAL = {name for name, column in CUSTOMERS.columns.items() if column.pii}
DATABASE = ("Database", "silver_commerce")
TABLE = ("Table", "silver_commerce", "customers")
TAGGED: Any = {"lake_formation": {"roles": [RUNS], "tags": True}}


def column(name: str) -> tuple[str, ...]:
    return ("Column", *TABLE[1:], name)


@pytest.fixture
def lake(account: GovernedAccount) -> GovernedAccount:
    """A run has made the table, with a column that the contract does not have yet."""
    account.contracts = [CUSTOMERS]
    account.applied(lake_formation={"roles": [RUNS]})
    names = [*(name for name in CUSTOMERS.columns if name not in CUSTOMERS.partition_keys), "added_by_a_run"]
    storage = {"Location": "s3://lake/silver/commerce/customers/", "Columns": [{"Name": name} for name in names]}
    keys = [{"Name": name} for name in CUSTOMERS.partition_keys]
    account.formation.add_table(
        "silver_commerce", {"Name": "customers", "StorageDescriptor": storage, "PartitionKeys": keys}, RUNS
    )
    return account


def test_databases_tables_and_columns_have_the_tags_of_their_contracts(lake: GovernedAccount) -> None:
    made = lake.applied(**TAGGED)
    assert outcomes(made) == {"created", "unchanged"}
    assert lake.formation.tags == {"layer": ["silver"], "domain": ["commerce"], "classification": sorted(CLASSES)}
    found = lake.formation.assigned
    assert found[DATABASE] == {"layer": "silver", "domain": "commerce"}
    assert found[TABLE] == {"classification": "confidential"}, "the highest: columns of no contract inherit it"
    assert PERSONAL
    for name in CUSTOMERS.columns:
        own = CUSTOMERS.columns[name].classification
        expected = max(own, "confidential" if name in PERSONAL else own, key=CLASSES.index)
        assert found[column(name)] == {"classification": expected}
    assert column("added_by_a_run") not in found
    writes = [name for name in lake.formation.operations() if name in ("AddLFTagsToResource", "CreateLFTag")]
    assert outcomes(lake.applied(**TAGGED)) == {"unchanged"}
    assert [name for name in lake.formation.operations() if name in ("AddLFTagsToResource", "CreateLFTag")] == writes


def test_the_plan_only_reads_and_says_each_value(lake: GovernedAccount) -> None:
    planned = lake.planned(**TAGGED)
    assert planned["lf-tag classification"].outcome == "create"
    lines = [str(line) for line in planned["lf-tags silver_commerce"].lines]
    assert lines == ["+ layer = silver", "+ domain = commerce"]
    assert (lake.formation.tags, lake.formation.assigned) == ({}, {})


def test_without_the_setting_no_tag_is_read(lake: GovernedAccount) -> None:
    assert not [one for one in lake.planned(lake_formation={"roles": [RUNS]}) if "lf-tag" in one]


def test_values_and_tags_of_others_stay(lake: GovernedAccount) -> None:
    lake.formation.tags = {"domain": ["finance"], "owner": ["web"]}
    lake.formation.assigned = {DATABASE: {"owner": "web"}, TABLE: {"owner": "web"}}
    assert lake.applied(**TAGGED)["lf-tag domain"].outcome == "changed"
    assert set(lake.formation.tags["domain"]) == {"finance", "commerce"}
    assert lake.formation.assigned[TABLE] == {"owner": "web", "classification": "confidential"}
    assert lake.formation.assigned[DATABASE] == {"owner": "web", "layer": "silver", "domain": "commerce"}


def test_a_column_that_becomes_personal_data_changes_and_the_plan_says_what_grants_do(lake: GovernedAccount) -> None:
    lake.applied(**TAGGED)
    plain = next(name for name, one in CUSTOMERS.columns.items() if not one.protected)
    columns = {**CUSTOMERS.columns, plain: CUSTOMERS.columns[plain].model_copy(update={"pii": True})}
    lake.contracts = [CUSTOMERS.model_copy(update={"columns": columns})]
    was = CUSTOMERS.columns[plain].classification
    planned = lake.planned(**TAGGED)["column lf-tags silver_commerce.customers"]
    assert [str(line) for line in planned.lines] == [f"~ {plain}: {was} -> confidential"]
    assert planned.remarks[0].startswith(f"{plain} ({was} to confidential): grants on the old value")
    lake.applied(**TAGGED)
    assert lake.formation.assigned[column(plain)] == {"classification": "confidential"}


def test_the_highest_classification_is_assigned_first(lake: GovernedAccount) -> None:
    lake.applied(**TAGGED)
    calls = [call for name, call in lake.formation.calls if name == "AddLFTagsToResource"]
    classes = [pair["TagValues"][0] for call in calls for pair in call["LFTags"] if pair["TagKey"] == "classification"]
    assert len(classes) > 2
    assert [CLASSES.index(name) for name in classes[1:]] == sorted(map(CLASSES.index, classes[1:]), reverse=True)
    assert "Table" in calls[1]["Resource"], "the table before its columns"


def test_before_the_first_publication_the_table_waits_and_the_database_does_not(account: GovernedAccount) -> None:
    account.contracts = [CUSTOMERS]
    made = account.applied(**TAGGED)
    assert made["lf-tags silver_commerce"].outcome == "created"
    assert made["lf-tags silver_commerce.customers"].outcome == "postponed"
    assert made["column lf-tags silver_commerce.customers"].outcome == "postponed"


def test_more_values_than_a_call_takes(account: GovernedAccount) -> None:
    values = tuple(f"domain{number:03}" for number in range(120))
    tag = LfTag("domain", values=values, sleep=lambda _: None)
    assert [one.outcome for one in apply([tag], account.clients())] == ["created"]
    assert set(account.formation.tags["domain"]) == set(values)
    assert account.formation.operations().count("UpdateLFTag") == 2


def assignment(pauses: list[float] | None = None) -> list[Resource]:
    of = database_target("silver_commerce")
    sleep = (pauses if pauses is not None else []).append
    return [AssignedTags("silver_commerce", tagged=of, tags={"layer": "silver", "domain": "commerce"}, sleep=sleep)]


@pytest.mark.parametrize(
    ("code", "outcome"), [("AccessDeniedException", "denied"), ("EntityNotFoundException", "failed")]
)
def test_a_refusal_in_the_body_of_a_success_is_reported(lake: GovernedAccount, code: str, outcome: str) -> None:
    lake.formation.tags = {"layer": ["silver"], "domain": ["commerce"]}
    lake.formation.refused_tags = {"domain": [code]}
    (change,) = apply(assignment(), lake.clients())
    assert change.outcome == outcome
    assert "domain=commerce: tag not assigned" in change.detail


def test_an_assignment_waits_for_anothers_change(lake: GovernedAccount) -> None:
    lake.formation.tags = {"layer": ["silver"], "domain": ["commerce"]}
    lake.formation.refused_tags = {"domain": ["ConcurrentModificationException"]}
    lake.formation.busy["AddLFTagsToResource"] = 1
    pauses: list[float] = []
    (change,) = apply(assignment(pauses), lake.clients())
    assert (change.outcome, len(pauses)) == ("created", 2)


def test_who_is_no_administrator_is_denied(lake: GovernedAccount) -> None:
    made = {one.outcome for one in apply([LfTag("layer", values=("silver",))], lake.clients(RUNS))}
    assert made == {"denied"}
    assert lake.formation.tags == {}
