"""Tables in Glue over raw answers in landing: a partition for each complete fetch, where it lies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.catalog.glue import GlueCatalog
from lakeworks.catalog.glue_inputs import explain
from lakeworks.catalog.partition_batches import PartitionCalls, Values
from lakeworks.catalog.refusals import refusal
from lakeworks.catalog.responses import created
from lakeworks.contract import Contract
from lakeworks.contract.sections import LandingTable
from lakeworks.core.lake_limits import DESCRIPTION_BYTES, cut
from lakeworks.core.names import TableName

KEYS = ("period", "fetch_id")
_TEXT = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
}
# https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html and lazy-simple-serde.html
_JSON = {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe", "Parameters": {"serialization.format": "1"}}
_LINES = {
    "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
    # A character that no answer has: a line stays whole.
    "Parameters": {"serialization.format": "\u0001", "field.delim": "\u0001"},
}


@dataclass(frozen=True)
class LandedFetch:
    """A complete fetch: the period it is about, its id, and its folder."""

    period: str
    fetch: str
    location: str

    @property
    def values(self) -> Values:
        """Return the values of its partition."""
        return (self.period, self.fetch)


@dataclass(frozen=True)
class LandingCatalog:
    """The table of one source's answers."""

    catalog: GlueCatalog
    contract: Contract
    location: str

    @property
    def name(self) -> TableName:
        """Return its name: `landing.market.coingecko_market_chart`."""
        return landing_name(self.contract)

    def register(self, fetches: Sequence[LandedFetch]) -> int:
        """Create or correct the table and the partitions of these fetches; returns how many partitions needed it.

        Raises:
            LakeUnavailable: Glue refused a partition. What succeeded stays; a repeated call continues.
        """
        self.set_table()
        calls, columns = self._calls(), self._columns()
        wanted = {item.values: _partition(item, columns) for item in fetches}
        found = calls.get(list(wanted))
        missing = [item for values, item in wanted.items() if values not in found]
        wrong = [item for values, item in wanted.items() if values in found and explain(found[values], item)]
        self._check(calls.create(missing) | calls.update(wrong))
        return len(missing) + len(wrong)

    def registered(self) -> Iterator[Values]:
        """Yield the values of every partition; none if there is no table."""
        if self._current() is not None:
            for item in self._calls().listing(columns=False):
                yield tuple(item["Values"])

    def drop(self, values: Sequence[Values]) -> None:
        """Remove partitions. The objects stay."""
        self._check(self._calls().delete(values))

    def faults(self) -> list[str]:
        """Return what is wrong with the table, in words; `missing` alone if there is none."""
        current = self._current()
        return ["missing"] if current is None else explain(current, self._table())

    def set_table(self) -> None:
        """Create or correct the table."""
        current, table = self._current(), self._table()
        place: dict[str, Any] = {"DatabaseName": self.catalog.database(self.name), "TableInput": table}
        if current is None:
            self.catalog.ensure_database(place["DatabaseName"])
            created("the table", str(self.name), lambda: self.catalog.client.create_table(**place))
        elif explain(current, table):
            with translated("update the table", str(self.name)):
                self.catalog.client.update_table(**place, SkipArchive=True)

    def _calls(self) -> PartitionCalls:
        return self.catalog.calls(self.name)

    def _current(self) -> dict[str, Any] | None:
        return self.catalog.table(self.name)

    def _columns(self) -> list[dict[str, str]]:
        wish = self.contract.catalog.landing or LandingTable()
        declared = [{"Name": name.lower(), "Type": kind.glue} for name, kind in wish.columns.items()]
        return declared or [{"Name": "answer", "Type": "string"}]

    def _table(self) -> dict[str, Any]:
        text = (
            f"Raw answers of {self.contract.source} as they lie in landing: complete fetches alone, one partition each."
        )
        return {
            "Name": self.name.table,
            "Description": cut(text, DESCRIPTION_BYTES),
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "classification": "json", "projection.enabled": "false"},
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in KEYS],
            "StorageDescriptor": _descriptor(self._columns(), self.location),
        }

    def _check(self, refused: Mapping[Values, str]) -> None:
        if refused:
            values, code = next(iter(refused.items()))
            raise refusal(code)(
                f"Glue refused {len(refused)} partitions of `{self.name}`, first {'/'.join(values)}: {code}. The answers are "
                f"landed; the others are registered. Run again, or: lakeworks catalog repair {self.contract.name}"
            )


def landing_name(contract: Contract) -> TableName:
    """Return the name of the table over a source's answers."""
    return TableName("landing", contract.table.domain, str(contract.source).replace(".", "_"))


def _partition(item: LandedFetch, columns: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {"Values": list(item.values), "StorageDescriptor": _descriptor(columns, item.location)}


def _descriptor(columns: Sequence[Mapping[str, str]], location: str) -> dict[str, Any]:
    lines = [column["Name"] for column in columns] == ["answer"]
    return {
        **_TEXT,
        "SerdeInfo": _LINES if lines else _JSON,
        "Columns": [dict(item) for item in columns],
        "Location": location,
    }
