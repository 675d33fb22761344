"""A PostgreSQL, and a lake whose one table it serves."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.serving.database import connected
from tests.conftest import contract_of
from tests.lakeworks.publications.test_publications import published
from tests.support.postgres_server import running_postgres

DAY, NEXT = Period.parse("2019-01-05"), Period.parse("2019-01-06")
COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": "key"},
    "value": {"type": "double", "description": "value"},
    "name": {"type": "string", "description": "name"},
    "email": {"type": "string", "pii": True, "description": "personal"},
}


def contract(**changes: Any) -> Contract:
    return contract_of(
        **{
            "name": "gold.test.rows",
            "columns": COLUMNS,
            "partition_by": ["day"],
            "serving": {"postgres": {}},
            **changes,
        }
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_postgres() as address:
        yield address


@pytest.fixture
def address(postgres: str) -> str:
    """The server's address, without what another test left."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS gold_test CASCADE")
    return postgres


@pytest.fixture
def database(address: str) -> Iterator[psycopg.Connection]:
    with connected(address) as connection:
        yield connection


@pytest.fixture
def publish(lake: Lake, run_at: Callable[..., Run]) -> Callable[..., Lake]:
    """Publish rows of a day; returns the lake."""
    count = iter(range(1, 1000))

    def make(rows: list[dict[str, Any]], day: Period = DAY, wanted: Contract | None = None) -> Lake:
        known = replace(lake, contract=lambda _: wanted or contract())
        published(known, wanted or contract(), rows, run_at(next(count)), day)
        return known

    return make
