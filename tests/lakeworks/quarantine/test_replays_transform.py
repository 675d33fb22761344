"""Rows that a transform made bad come back once its SQL is repaired; no row is lost or counted twice on the way."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import PrivateAttr

from lakeworks.contract import Contract
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RowBalance, Run
from lakeworks.maintenance.verification import verify
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.quarantine.quarantined_rows import rows
from lakeworks.quarantine.replays import find, list_quarantined, replay
from tests.conftest import contract_of
from tests.protocol.test_bad_input import JANUARY, Given, events, run

RunAt = Callable[..., Run]
FIFTH, SIXTH = datetime(2019, 1, 5), datetime(2019, 1, 6)
# The source writes a comma where half of the world does; the transform did not know.
MADE = 'SELECT id, "at", {} AS price FROM bronze_test.events'
WRONG = MADE.format("TRY_CAST(price AS DOUBLE)")
MENDED = MADE.format("TRY_CAST(replace(price, ',', '.') AS DOUBLE)")


class Shelved(Contract):
    """A contract whose folder lies where a test put it."""

    _folder: Path = PrivateAttr()

    @property
    def folder(self) -> Path:
        return self._folder


def shelved(contract: Contract, folder: Path) -> Shelved:
    found = Shelved.model_validate(contract.model_dump())
    found._folder = folder
    return found


@dataclass
class Prices:
    """A lake with prices as they arrived, and the folder of the table that is made of them."""

    lake: Lake
    contract: Contract

    def transform(self, sql: str) -> None:
        (self.contract.folder / "transform.sql").write_text(sql)

    def live(self) -> list[tuple[int, float]]:
        """What a reader finds."""
        keys = [item.key for item in self.lake.store.scan("silver/")]
        tables = [pq.read_table(io.BytesIO(self.lake.store.get(key)[0])) for key in keys]
        return sorted((row["id"], row["price"]) for table in tables for row in table.to_pylist())


@pytest.fixture
def prices(lake: Lake, run_at: RunAt, tmp_path: Path) -> Prices:
    text = {"type": "string", "description": "as written"}
    price = {"type": "double", "required": True, "minimum": 0, "description": "USD"}
    columns: dict[str, Any] = {name: column.model_dump() for name, column in events().columns.items()}
    arriving = events(columns={**columns, "price": text}, grain=[])
    contract = contract_of(
        "silver.test.prices", columns={**columns, "at": {**columns["at"], "required": True}, "price": price},
        partition_by=["day(at)"], preserves_rows="bronze.test.events", deduplicate_by=["price desc"], quarantine={"limit": 1},
    )  # fmt: skip
    known = {arriving.name: arriving, contract.name: shelved(contract, tmp_path)}
    lake = replace(lake, contract=known.__getitem__)
    rows_in = pa.table(
        {
            "id": [1, 2, 2, 3, 4, 4, 5, 6],
            "at": [FIFTH, FIFTH, FIFTH, FIFTH, FIFTH, FIFTH, SIXTH, SIXTH],
            "price": ["1.5", "2.0", "2,5", "3,5", "4.0", "3.0", "free", "-6,0"],
        }
    )
    run(lake, arriving, run_at(1), Given(rows_in))
    return Prices(lake, known[contract.name])


def balanced(balance: RowBalance) -> tuple[int, int, int, int]:
    assert balance.read == balance.staged + balance.quarantined + balance.deduplicated
    return balance.read, balance.staged, balance.quarantined, balance.deduplicated


def test_rows_rejoin_after_the_transform_is_repaired_and_the_balance_holds(prices: Prices, run_at: RunAt) -> None:
    lake, contract = prices.lake, prices.contract
    prices.transform(WRONG)
    first = rebuild(lake, contract.name, JANUARY, run_at(2))
    assert balanced(first.balance) == (8, 3, 4, 1), "2,5, 3,5, free and -6,0 are no numbers; 4 came twice"
    assert prices.live() == [(1, 1.5), (2, 2.0), (4, 4.0)]

    prices.transform(MENDED)
    done = replay(lake, contract, JANUARY)
    # 2,5 wins over the 2.0 that was live: a row that rejoins can push another one out
    assert balanced(done.record.balance) == (8, 4, 2, 2)
    assert done.rejoined == 2
    assert prices.live() == [(1, 1.5), (2, 2.5), (3, 3.5), (4, 4.0)]
    assert verify(lake, contract, deep=True) == []
    (left,) = list_quarantined(lake, contract)
    told = {row["id"]: row["_broken_rules"] for row in rows(lake, left, 10)}
    assert set(told) == {5, 6}, "what is bad by the repaired transform, too"
    assert told[5] != told[6], "each by its own rule: no number, and below zero"

    again = replay(lake, contract, JANUARY)
    assert (again.rejoined, set(again.record.outcome or {})) == (0, {"unchanged"})


def test_a_replay_by_a_transform_that_is_broken_leaves_live_data_and_quarantine(prices: Prices, run_at: RunAt) -> None:
    lake, contract = prices.lake, prices.contract
    prices.transform(WRONG)
    rebuild(lake, contract.name, JANUARY, run_at(2))
    before = (prices.live(), find(lake, contract, JANUARY))
    for wrong, error in (
        (MENDED.replace("replace(", "no_such("), "no_such"),
        (MENDED + " WHERE id <> 3", "preserves_rows"),
    ):
        prices.transform(wrong)
        with pytest.raises(Exception, match=error):
            replay(lake, contract, JANUARY)
        assert (prices.live(), find(lake, contract, JANUARY)) == before
    prices.transform(MENDED)
    assert replay(lake, contract, JANUARY).rejoined == 2
