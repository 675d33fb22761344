"""What landing holds for a period, opened for writing: one file, or the parsed answers of the newest complete fetch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.engines.conform import RowStream, open_landed_file
from lakeworks.engines.json_rows import SpilledRows
from lakeworks.errors import LakeNotFound, MalformedSource, SchemaDrift
from lakeworks.lake import Lake
from lakeworks.landing.fetches import Fetches, LandingSet
from lakeworks.landing.files import dataset, newest_or_fail, prefix
from lakeworks.landing.responses import LandedAnswer, load_answer
from lakeworks.ledger.run_record import Input
from lakeworks.parquet.encoder import sha256_of
from lakeworks.sources import FetchRequest, Parse, parser_of
from lakeworks.sources.response import SourceResponse

# Landed answers fetched at once.
_TOGETHER, _TOGETHER_BYTES = 64, 16 << 20


@dataclass(frozen=True)
class LandedRows:
    """Rows as they came, what is the same in all of them, and what they were read from."""

    rows: RowStream
    constants: dict[str, Any]
    source: Input


def open_landed(lake: Lake, contract: Contract, period: Period, scratch: Path) -> LandedRows:
    """Open the newest landing of a period; needs no network.

    Raises:
        LakeNotFound: nothing complete was landed.
        MalformedSource: a landed file or answer is damaged, or no longer what was landed.
    """
    parse = parser_of(str(contract.source).partition(".")[0])
    if parse:
        return _answers(lake, contract, period, scratch, parse)
    landed = newest_or_fail(lake, contract, period)
    path = scratch / Path(landed.key).name
    lake.store.download(landed.key, path)
    content = landed.item.metadata["sha256"]
    if sha256_of(path) != content:
        raise MalformedSource(
            f"`{lake.store.uri(landed.key)}` is not what was landed: its bytes have another digest than the fetch recorded. "
            "Something other than lakeworks changed it; it is left alone. Nothing was staged; live data is untouched. Restore "
            "its earlier version, or remove it and run the fetch step again."
        )
    return LandedRows(open_landed_file(path), landed.constants, Input(name=landed.key, content=content))


def newest_set(lake: Lake, contract: Contract, period: Period) -> LandingSet:
    """The newest complete fetch that brought something new.

    Raises:
        LakeNotFound: there is none.
    """
    fetches = Fetches.below(lake, prefix(contract, period))
    found = fetches.newest()
    if found is None:
        begun = f" ({len(fetches.keys)} fetches were begun, none is complete)" if fetches.keys else ""
        raise LakeNotFound(
            f"`{contract.name}` {period}: nothing was landed under `{lake.store.uri(fetches.prefix)}`{begun}. "
            "Nothing was staged. Run the fetch step first."
        )
    return found


def _answers(lake: Lake, contract: Contract, period: Period, scratch: Path, parse: Parse) -> LandedRows:
    newest = newest_set(lake, contract, period)
    fetches = Fetches.below(lake, prefix(contract, period))
    found = fetches.distinct() if contract.landing == "all" else [newest]
    wanted = FetchRequest(dataset(contract), period, contract.source_options)
    rows = SpilledRows(newest.prefix, scratch, contract.arrow_schema)
    for item, answer in _loaded(lake, [answer for one in found for answer in one.answers]):
        try:
            rows.add(parse(wanted, answer), _constants(item))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise SchemaDrift(
                f"`{lake.store.uri(item.key)}` has another shape than {contract.source} is read by ({error!r}). It stays in "
                "landing, nothing was staged. Teach the source's `parse` the new shape; then run the partition again."
            ) from error
    return LandedRows(rows, {}, Input(name=newest.key, content="+".join(one.content for one in found)))


def _loaded(lake: Lake, answers: Sequence[LandedAnswer]) -> Iterator[tuple[LandedAnswer, SourceResponse]]:
    """The answers in order; small ones are fetched side by side, as many as the memory of a large one holds."""
    batch: list[LandedAnswer] = []
    for item in answers:
        if batch and (len(batch) == _TOGETHER or sum(one.size for one in batch) + item.size > _TOGETHER_BYTES):
            yield from zip(batch, lake.store.map(lambda one: load_answer(lake, one.key)[0], batch), strict=True)
            batch = []
        batch.append(item)
    yield from zip(batch, lake.store.map(lambda one: load_answer(lake, one.key)[0], batch), strict=True)


def _constants(item: LandedAnswer) -> dict[str, pa.Scalar]:
    """Facts of the landed answer, so that a re-run repeats them."""
    moment = item.fetched_at.astimezone(UTC).replace(tzinfo=None)
    return {
        "_ingested_at": pa.scalar(moment, pa.timestamp("us")),
        "_source_url": pa.scalar(item.url, pa.string()),
        "_run_id": pa.scalar(item.run_id, pa.string()),
    }
