"""The short storm of promotions, in every test run; `make chaos` is the long one (docs/reliability.md has its figures)."""

from dataclasses import replace
from pathlib import Path

import pytest

from lakeworks.contract import Contract
from tests.chaos.promotions import promotion_storm
from tests.chaos.table import CONTRACT, VERSIONED, Endpoint
from tests.conftest import client, new_store


@pytest.mark.parametrize("contract", [CONTRACT, VERSIONED], ids=["plain", "versioned"])
def test_killed_promotions_make_all_of_their_months_live_or_none(
    moto_url: str, contract: Contract, tmp_path: Path
) -> None:
    glue = client("glue", moto_url)
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    endpoint = replace(Endpoint(moto_url, moto_url, new_store(moto_url).bucket), contract=contract)
    tally, ends = promotion_storm(endpoint, kills=3, seed=5, scratch=tmp_path)
    assert (tally.bad, tally.unhealed, tally.crashed, ends.halves) == ([], [], 0, 0)
    assert tally.reads > 10, "the reader really looked"
    assert ends.promoted + ends.refused >= 3
