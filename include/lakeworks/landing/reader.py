"""A period's landed rows for the write step: one file, or all files or responses of the newest complete fetch."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakeworks.arrival.contract_rows import RawRows
from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeError, LakeNotFound, MalformedSource, SchemaDrift
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch, batched
from lakeworks.lake import Lake
from lakeworks.landing.delivered_files import DeliveredRows
from lakeworks.landing.fetches import Fetches
from lakeworks.landing.files import dataset, newest_or_fail, prefix
from lakeworks.landing.landing_set import LandingSet
from lakeworks.landing.readable_file import ReadableFile
from lakeworks.landing.responses import LandedAnswer, load_answer
from lakeworks.ledger.run_record import Input
from lakeworks.parquet.encoder import sha256_of
from lakeworks.sources import FetchRequest, Parse, parser_of
from lakeworks.sources.response import SourceResponse

# Landed answers fetched at once.
_TOGETHER, _TOGETHER_BYTES = 64, 16 << 20


@dataclass(frozen=True)
class LandedRows:
    """The files or responses of a period as raw rows, and their landing objects."""

    files: Sequence[RawRows]
    source: Input


def open_landed(lake: Lake, contract: Contract, period: Period, scratch: Path) -> LandedRows:
    """Open the newest landing of a period; needs no network.

    Raises:
        LakeNotFound: no complete fetch was landed.
        MalformedSource: a landed file or answer is damaged, or no longer what was landed.
    """
    parse = parser_of(str(contract.source).partition(".")[0])
    if parse:
        return _answers(lake, contract, period, parse)
    options = FormatOptions.among(contract.source_options)
    if Fetches.below(lake, prefix(contract, period)).keys:
        newest = newest_set(lake, contract, period)
        files = [DeliveredRows(lake, item, scratch, options) for item in newest.answers]
        return LandedRows(files, Input(name=newest.key, content=newest.content))
    landed = newest_or_fail(lake, contract, period)
    path = scratch / Path(landed.key).name
    lake.store.download(landed.key, path)
    content = landed.item.metadata["sha256"]
    if sha256_of(path) != content:
        raise MalformedSource(
            f"`{lake.store.uri(landed.key)}` differs from the landed file: its digest is not the one that the "
            "fetch recorded. Another program changed it; lakeworks does not touch it. Nothing was staged; live "
            "data is unchanged. Restore its earlier version, or remove it and run the fetch step again."
        )
    return LandedRows(
        [ReadableFile(path, path.name, landed.constants, options)], Input(name=landed.key, content=content)
    )


def newest_landing(lake: Lake, contract: Contract, period: Period) -> str:
    """Return the key of a period's newest landing, without a look at its rows.

    Raises:
        LakeNotFound: no complete fetch was landed.
    """
    parse = parser_of(str(contract.source).partition(".")[0])
    if parse or Fetches.below(lake, prefix(contract, period)).keys:
        return newest_set(lake, contract, period).key
    return newest_or_fail(lake, contract, period).key


def landed_already(lake: Lake, contract: Contract, periods: Sequence[Period]) -> dict[Period, str]:
    """Return the periods that landing has, each with the key of its newest landing."""
    there = {}
    for period in periods:
        with suppress(LakeNotFound):
            there[period] = newest_landing(lake, contract, period)
    return there


def newest_set(lake: Lake, contract: Contract, period: Period) -> LandingSet:
    """Return the newest complete fetch with something new.

    Raises:
        LakeNotFound: there is none.
    """
    fetches = Fetches.below(lake, prefix(contract, period))
    newest = fetches.newest()
    if newest is None:
        begun = f" ({len(fetches.keys)} fetches were begun, none is complete)" if fetches.keys else ""
        raise LakeNotFound(
            f"`{contract.name}` {period}: nothing was landed under `{lake.store.uri(fetches.prefix)}`{begun}. "
            "Nothing was staged. Run the fetch step first."
        )
    return newest


def _answers(lake: Lake, contract: Contract, period: Period, parse: Parse) -> LandedRows:
    newest = newest_set(lake, contract, period)
    fetches = Fetches.below(lake, prefix(contract, period))
    sets = fetches.distinct() if contract.landing == "all" else [newest]
    request = FetchRequest(dataset(contract), period, contract.source_options)
    items = [answer for one in sets for answer in one.answers]
    ahead = _ReadAhead(lake, items)
    files = [
        _AnswerRows(lake, item, number, ahead, request, parse, str(contract.source))
        for number, item in enumerate(items)
    ]
    return LandedRows(files, Input(name=newest.key, content="+".join(one.content for one in sets)))


class _ReadAhead:
    """Landed responses in order. Small ones are read in parallel, within the memory of one large response."""

    def __init__(self, lake: Lake, items: Sequence[LandedAnswer]) -> None:
        self._lake = lake
        self._items = items
        self._loaded: dict[int, SourceResponse] = {}

    def answer(self, number: int) -> SourceResponse:
        """Return an answer, and load those that follow it."""
        if number not in self._loaded:
            together, size = [number], self._items[number].size
            for following in range(number + 1, min(number + _TOGETHER, len(self._items))):
                size += self._items[following].size
                if size > _TOGETHER_BYTES:
                    break
                together.append(following)
            answers = self._lake.store.map(lambda one: load_answer(self._lake, self._items[one].key)[0], together)
            self._loaded = dict(zip(together, answers, strict=True))
        return self._loaded[number]


@dataclass(frozen=True)
class _AnswerRows:
    """One landed answer as raw rows."""

    lake: Lake
    item: LandedAnswer
    number: int
    ahead: _ReadAhead
    request: FetchRequest
    parse: Parse
    source: str

    @property
    def name(self) -> str:
        return self.lake.store.uri(self.item.key)

    @property
    def constants(self) -> Mapping[str, Any]:
        """Facts of the landed answer, so that a re-run repeats them."""
        moment = self.item.fetched_at.astimezone(UTC).replace(tzinfo=None)
        return {
            "_ingested_at": pa.scalar(moment, pa.timestamp("us")),
            "_source_url": pa.scalar(self.item.url, pa.string()),
            "_run_id": pa.scalar(self.item.run_id, pa.string()),
        }

    def batches(self) -> Iterator[RawBatch]:
        answer = self.ahead.answer(self.number)
        try:
            yield from batched(self.parse(self.request, answer))
        except (LakeError, GeneratorExit):
            raise
        except Exception as error:  # the error names the response, whatever the vendor sent
            raise SchemaDrift(
                f"`{self.name}` has another shape than {self.source} expects ({error!r}). It stays in landing. "
                "Nothing was staged; live data is unchanged. Change the source's `parse` to the new shape, then run "
                "the partition again."
            ) from error
