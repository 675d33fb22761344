"""Queries of lake.yml over the published partitions around a day, in a session without files or network."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lakeworks.engines.confinement import tables_of_select
from lakeworks.lake import Lake
from lakeworks.parquet.dataset import nothing, open_dataset


@dataclass(frozen=True)
class PublishedRows:
    """Answers queries about one day."""

    lake: Lake
    day: str

    def __call__(self, query: str, around: int, /) -> list[dict[str, Any]]:
        """Return a query's rows over the partitions from `around` days before the day to as many after it.

        A table of which nothing is published there has no rows.
        """
        tables = tables_of_select(query)
        lake = self.lake.with_whole_runs(tables)
        start, margin = datetime.fromisoformat(self.day).replace(tzinfo=UTC), timedelta(days=around)
        with lake.engine.confined_session() as session:
            for name in tables:
                contract = lake.contract(str(name))
                live = lake.live_between(contract, start - margin, start + timedelta(days=1) + margin)
                rows = open_dataset(lake.store, contract, live.values()) if live else nothing(contract)
                session.attach(name, rows)
            answer: list[dict[str, Any]] = session.query(query).to_pylist()
        return answer
