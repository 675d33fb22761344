"""Queries and builds on Athena under exactly the printed policy: ministack judges S3 and Glue, IAM's rules the calls of Athena."""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lakeworks.athena.executions import QueryExecutions
from lakeworks.athena.statement import Readership, prepared
from lakeworks.contract import load_contract
from lakeworks.errors import LakeAccessDenied, QueryFailed
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.permissions.aws_call import Purpose
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.permissions.policy_document import policy_documents
from lakeworks.permissions.policy_scope import PolicyScope
from lakeworks.tenants.iam_simulation import Request, decide
from tests.conftest import client
from tests.lakeworks.permissions.conftest import ACCOUNT, ROOT, Guarded, actions_of
from tests.lakeworks.pipeline.test_athena_build import AthenaShop
from tests.lakeworks.pipeline.test_late_data import TOP, order
from tests.support.athena_engine import Engine
from tests.support.athena_server import serving_athena

QUERY = "SELECT count(*) AS orders FROM silver_commerce.orders"


@pytest.fixture
def shop(guarded: Guarded, tmp_path: Path) -> Iterator[AthenaShop]:
    """A day of orders, published by the owner. Athena reads and writes with the user's rights."""
    glue = guarded.client_of_owner("glue")
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    with serving_athena(Engine(guarded.client("glue"), guarded.client("s3"))) as (athena, url):
        found = AthenaShop(guarded.lake(tmp_path, ROOT), athena, url)
        found.sold(1, order(0), order(0, id=7))
        yield found


def limited(
    shop: AthenaShop, guarded: Guarded, without: str | Collection[str], purpose: Purpose, *more: Purpose
) -> None:
    """Give the user the policy of a lake whose work group is the shop's, without one action or some."""
    taken = (without,) if isinstance(without, str) else without
    config = LakeConfig.model_validate({"athena": {"name": "lake"}})
    address = LakeAddress(guarded.bucket, "us-east-1", ACCOUNT)
    policies = policy_documents(purpose, PolicyScope(address, config), *more)
    guarded.give(policies, without=without)

    def admits(action: str, group: str) -> bool:
        request = Request(action, address.arn("athena", f"workgroup/{group}"))
        return action not in taken and any(decide(policy, request) == "allowed" for policy in policies)

    shop.athena.admits = admits


# Others are asked by Athena itself, which no stand-in does, or of a query that is stopped.
ASKED = ["athena:StartQueryExecution", "athena:GetQueryExecution", "glue:GetTable", "glue:GetPartitions", "s3:GetObject", "s3:ListBucket"]  # fmt: skip


def orders(shop: AthenaShop, group: str = "lake") -> int:
    """Ask for the number of orders, as the user."""
    statement = prepared(QUERY, (), Readership(load_contract))
    queries = QueryExecutions(client("athena", shop.queries.client.meta.endpoint_url), group, sleep=lambda _: None)
    end = queries.wait(queries.start(statement, group), 60)
    queries.check(end, statement)
    return int(queries.rows(end).read_all()["orders"][0].as_py())


def test_a_query_asks_for_nothing_else_here(shop: AthenaShop, guarded: Guarded) -> None:
    """What its policy has beside, Athena itself asks for on AWS."""
    config = LakeConfig.model_validate({"athena": {"name": "lake"}})
    besides = set(actions_of(Purpose.ATHENA, config)) - set(ASKED) - {"athena:GetQueryResults"}
    limited(shop, guarded, besides, Purpose.ATHENA)
    assert orders(shop) == 2


@pytest.mark.parametrize("without", ["", *ASKED, "athena:GetQueryResults"])
def test_an_analysts_query_needs_what_its_policy_says(shop: AthenaShop, guarded: Guarded, without: str) -> None:
    limited(shop, guarded, without, Purpose.ATHENA)
    if not without:
        assert orders(shop) == 2
        with pytest.raises(LakeAccessDenied, match="denied: .*StartQueryExecution"):
            orders(shop, "primary")
        return
    with pytest.raises((LakeAccessDenied, QueryFailed)) as refused:
        orders(shop)
    assert re.search(rf"(denied: .*|perform: \S*|calling the ){_called(without)}\b", str(refused.value)), refused.value


@pytest.mark.parametrize("without", ["", *ASKED, "s3:PutObject", "s3:DeleteObject"])
def test_a_build_on_athena_needs_run_with_athena(shop: AthenaShop, guarded: Guarded, without: str) -> None:
    limited(shop, guarded, without, Purpose.RUN, Purpose.ATHENA)
    shop.lake = replace(
        shop.lake, store=guarded.lake(shop.lake.scratch, guarded.user).store,
        catalog=replace(shop.lake.catalog, client=guarded.client("glue")),
    )  # fmt: skip
    if not without:
        assert shop.build(TOP, 1).engine.endswith(", athena")
        return
    with pytest.raises((LakeAccessDenied, QueryFailed)) as refused:
        shop.build(TOP, 1)
    assert re.search(rf"(denied: .*|perform: \S*|calling the ){_called(without)}\b", str(refused.value)), refused.value


def test_a_run_without_athena_may_start_no_query(shop: AthenaShop, guarded: Guarded) -> None:
    limited(shop, guarded, "", Purpose.RUN)
    with pytest.raises(LakeAccessDenied, match="denied: .*StartQueryExecution"):
        shop.build(TOP, 1)


def _called(action: str) -> str:
    """Return the name by which an error says it: S3's listing is an operation of another name."""
    name = action.partition(":")[2]
    return {"ListBucket": "(ListBucket|ListObjectsV2)"}.get(name, name)
