"""A bucket name no one has, clients of one endpoint, and ways to look at outcomes."""

import uuid
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest

from lakeworks.contract import all_tables, load_contract
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lake_bootstrap import LakePlan, plan_lake
from lakeworks.infrastructure.plan_apply import ResourceChange
from lakeworks.settings import Settings
from tests.conftest import client as new_client

client = cache(new_client)
# Tables that keep their layer's retention: what tables of their own do to the rules is tested by itself.
TAXI = [load_contract(name) for name in all_tables() if ".transport." in name]
ROLE = "arn:aws:iam::123456789012:role"


@pytest.fixture
def bucket() -> str:
    return f"boot-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def planned(bucket: str) -> Callable[..., LakePlan]:
    """The plan of a lake at an endpoint; keywords are fields of lake.yml."""

    def make(url: str, *, region: str = "us-east-1", clients: Any = None, **fields: Any) -> LakePlan:
        config = LakeConfig.model_validate({"unique": bucket.removeprefix("boot-"), **fields})
        settings = Settings(bucket=bucket, region=region, kms_key_id=None, config_file=None, price_book=None)
        chosen = clients or (lambda service, region=None: client(service, url))
        return plan_lake(settings, chosen, config, contracts=TAXI)

    return make


def outcomes(changes: Sequence[ResourceChange], name: str | None = None) -> dict[str, str]:
    """Outcome by kind, of one bucket or of everything."""
    return {change.kind: change.outcome for change in changes if name in (None, change.name)}


def one(changes: Sequence[ResourceChange], kind: str) -> ResourceChange:
    """The change of a kind."""
    return next(change for change in changes if change.kind == kind)
