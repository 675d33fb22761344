"""A person's query over published tables: confined, at pinned versions, without protected columns unless asked for."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from lakeworks.contract import Contract, load_contract
from lakeworks.contract.protection import protected_columns, unknown_or_withheld
from lakeworks.engines.confinement import tables_of_select
from lakeworks.engines.duckdb import DuckDbSession
from lakeworks.errors import ContractError
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.parquet.dataset import open_dataset
from lakeworks.releases.past_reader import PastChoice, PastReader


@dataclass(frozen=True)
class LakeQuery:
    """A confined session with the tables of one SELECT attached, and the columns withheld from each of them."""

    session: DuckDbSession
    contracts: Sequence[Contract]
    withheld: Mapping[str, list[str]]

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Explain an error that names a withheld column."""
        try:
            yield
        except ContractError as error:
            raise unknown_or_withheld(error, self.withheld) from error


@contextmanager
def opened_query(
    lake: Lake, sql: str, *, past: PastChoice | None = None, include_personal: bool = False
) -> Iterator[LakeQuery]:
    """Yield a session for one SELECT. It reads live publications, or those of a past state, and a run as a whole or not at all.

    Raises:
        ContractError: it is not one SELECT over tables of the lake, or all columns of a table are protected.
        LakeNotFound: a table has nothing to read, or the bucket deleted a version of the past state.
    """
    tables = tables_of_select(sql)
    contracts, withheld = [load_contract(str(name)) for name in tables], dict[str, list[str]]()
    reader, read = PastReader.of(lake, contracts, past or PastChoice()), list[LedgerEntry]()
    lake = lake if reader else lake.with_whole_runs(tables)
    with lake.engine.confined_session() as session, reader.reading(lake, read) if reader else nullcontext():
        for contract in contracts:
            hidden = withheld[contract.name] = [] if include_personal else protected_columns(contract)
            live = reader.entries(lake, contract) if reader else lake.ledger.live_partitions(contract.table).values()
            read += live
            session.attach(contract.table, open_dataset(lake.store, contract, live), without=hidden)
        yield LakeQuery(session, contracts, withheld)
