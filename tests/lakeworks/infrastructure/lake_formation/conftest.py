"""An account that Lake Formation governs: bootstrap as its administrator, a lake's role, readers."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from lakeworks.contract import Contract, load_contract
from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lake_formation.governed_catalog import catalog_resources
from lakeworks.infrastructure.lake_formation.known_state import databases_to_read, read_state
from lakeworks.infrastructure.plan_apply import ResourceChange, apply, plan
from lakeworks.infrastructure.resource import Clients, Resource
from tests.conftest import client
from tests.support.lake_formation import ACCOUNT, LakeFormation, serving
from tests.support.memory_s3 import MemoryS3

ADMIN, RUNS, ANALYST = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("admin", "runs", "analyst"))


class Service:
    """Servers of this session for each caller; the account behind them is that of the test."""

    def __init__(self, stack: ExitStack) -> None:
        self.formation = LakeFormation()
        self._stack = stack
        self._clients: dict[str, dict[str, Any]] = {}

    def clients(self, caller: str) -> dict[str, Any]:
        if caller not in self._clients:
            formation, glue = self._stack.enter_context(serving(lambda: self.formation, caller))
            self._clients[caller] = {"lakeformation": client("lakeformation", formation), "glue": client("glue", glue)}
        return self._clients[caller]


class GovernedAccount:
    """The account, with clients for each caller, and bootstrap as one of them."""

    def __init__(self, service: Service, s3_meta: Any) -> None:
        service.formation = self.formation = LakeFormation(admins={ADMIN})
        self.s3: Any = MemoryS3()
        self.s3.meta = s3_meta
        self._service = service
        self.contracts: list[Contract] = [load_contract("gold.transport.hourly_demand")]

    def clients(self, caller: str = ADMIN) -> Clients:
        made = {**self._service.clients(caller), "s3": self.s3}
        return lambda service, _=None: made[service]

    def resources(self, caller: str = ADMIN, **fields: Any) -> list[Resource]:
        config, clients = LakeConfig.model_validate(fields), self.clients(caller)
        known = read_state(self.s3, clients("glue"), "lake", databases_to_read(config, self.contracts))
        return list(catalog_resources(LakeLocation("lake", "eu-west-1", ACCOUNT), config, self.contracts, known))

    def planned(self, **fields: Any) -> dict[str, ResourceChange]:
        return {f"{one.kind} {one.name}": one for one in plan(self.resources(**fields), self.clients())}

    def applied(self, caller: str = ADMIN, **fields: Any) -> dict[str, ResourceChange]:
        made = apply(self.resources(caller, **fields), self.clients(caller))
        return {f"{one.kind} {one.name}": one for one in made}

    def held(self, principal: str, *of: str) -> set[str]:
        return self.formation.held.get((principal, of), set())


@pytest.fixture(scope="session")
def governing_service() -> Iterator[Service]:
    with ExitStack() as stack:
        yield Service(stack)


@pytest.fixture
def account(governing_service: Service) -> GovernedAccount:
    return GovernedAccount(governing_service, governing_service.clients(ADMIN)["glue"].meta)


def outcomes(changes: dict[str, ResourceChange]) -> set[str]:
    return {one.outcome for one in changes.values()}
