"""Landing: store a source's raw bytes once, as received. All later layers can be rebuilt from them without the network."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lakeworks.contract import Contract
from lakeworks.core.layout import landing_prefix
from lakeworks.core.partition import Partition, Period
from lakeworks.core.scratch import scratch_folder
from lakeworks.errors import DeliveryShrank, LostRace, MalformedSource
from lakeworks.lake import Lake
from lakeworks.landing.catalogued.complete_fetches import check_answers, register_answers
from lakeworks.landing.fetches import Fetches, finish
from lakeworks.landing.files import Landed, dataset, newest, prefix, source_of, store
from lakeworks.landing.joined_fetches import TURNS, ended_beside, joined, taken_by
from lakeworks.landing.landing_set import SET, LandingSet
from lakeworks.landing.responses import LandedAnswer, shrunk_answers
from lakeworks.ledger.run_record import Run
from lakeworks.sources import AnySource, FetchRequest, NotModified, RequestSource, Source
from lakeworks.sources.files.file_source import FileSource

log = logging.getLogger(__name__)


def land(lake: Lake, contract: Contract, period: Period, run: Run, source: AnySource) -> Landed | LandingSet:
    """Fetch a table's file for a period, or the response to each of its requests, and land them.

    Raises:
        ContractError: the contract wants a table over answers of a source that has files; nothing was fetched.
        NotPublishedYet, SourceUnavailable, SourceRejected, MalformedSource: see `Source.fetch`; no file was landed.
        QuotaExhausted: the vendor takes no more requests for now; landed responses are not requested again.
        LakeUnavailable: the fetch is landed, and Glue did not register it; a retry asks the source nothing.
    """
    check_answers(contract)
    if isinstance(source, RequestSource | FileSource):
        made = land_requests(lake, contract, period, run, source)
        register_answers(lake, contract, period)
        return made
    return land_file(lake, contract, period, run, source)


def land_requests(
    lake: Lake, contract: Contract, period: Period, run: Run, source: RequestSource | FileSource
) -> LandingSet:
    """Land the response to every request, or every file, of a period. Continue where an earlier attempt stopped.

    A run sends no request twice. It lists an inbox each time, so that the next attempt takes a corrected file.
    """
    fetching = _Fetching(lake, contract, period, run, source)
    own: dict[str, LandedAnswer] = {}
    beside: list[LandingSet] = []
    for _ in range(TURNS):
        fetches = Fetches.below(lake, prefix(contract, period))
        made, taken = fetching.collected(fetches, beside, own)
        if isinstance(source, RequestSource):
            break
        own |= taken
        beside = ended_beside(Fetches.below(lake, prefix(contract, period)), fetches.complete, made, own)
        if not beside:
            break
    else:
        raise LostRace(
            f"`{contract.name}` {period}: other writers kept landing files of the period. The fetched files are "
            "landed. Run again."
        )
    log.info(
        "landed %s %s: %d answers, %d bytes%s; %s", contract.name, period, len(made.answers),
        sum(item.size for item in made.answers), " (as before)" if made.same_as else "", made.figures,
    )  # fmt: skip
    for note in made.files:
        log.info("landed %s %s: file `%s` %s %s", contract.name, period, note.name, note.outcome, note.why)
    return made


@dataclass(frozen=True)
class _Fetching:
    """One run's fetch of one period."""

    lake: Lake
    contract: Contract
    period: Period
    run: Run
    source: RequestSource | FileSource

    def collected(
        self, fetches: Fetches, beside: Sequence[LandingSet], own: Mapping[str, LandedAnswer]
    ) -> tuple[LandingSet, dict[str, LandedAnswer]]:
        """Make one fetch. Return its set and the files it brought.

        It starts from the newest set, including files landed by others (`beside`) and by earlier attempts of this run (`own`).
        """
        contract, period, source = self.contract, self.period, self.source
        since = fetched_until(self.lake, contract, period) if contract.landing == "all" else None
        request = FetchRequest(dataset(contract), period, contract.source_options, since)
        asked = _question(request, source)
        before, known = fetches.newest(), fetches.of(self.run, asked)
        # A deferred run over many periods starts again from its first period.
        if known in fetches.complete and isinstance(source, RequestSource):
            log.info("landed %s %s: already complete in this run (%s)", contract.name, period, known)
            return fetches.read(str(known)), {}
        folder = fetches.open(self.run, asked, datetime.now(UTC))
        folder.before = joined(before, beside, own) if before else None
        started = time.monotonic()
        collect = source.collect if isinstance(source, RequestSource) else source.collect_files
        try:
            collected = collect(request, folder)
        except (DeliveryShrank, MalformedSource) as error:
            # The error names file and line; only this function knows the table.
            raise type(error)(f"`{contract.name}` {period}: {error}") from error
        if isinstance(source, RequestSource) and before and contract.landing == "newest":
            collected = {**collected, **shrunk_answers(before.answers, folder.taken)}
        figures = {
            "requests": len(folder.taken),
            "resumed": folder.resumed,
            "seconds": round(time.monotonic() - started, 3),
        }
        about = {
            "source": contract.source,
            "period": str(period),
            "facts": collected,
            "figures": {**figures, **figures_of(source)},
        }
        return finish(folder, before, about), taken_by(folder)


def _question(request: FetchRequest, source: RequestSource | FileSource) -> str:
    """Return a digest of the request: its options and the client's variant (such as the plan of the key)."""
    variant = getattr(source, "variant", "")
    parts = [request.dataset, str(request.period), dict(request.options), variant, request.since]
    return json.dumps(parts, sort_keys=True, default=str)


def fetched_until(lake: Lake, contract: Contract, period: Period) -> datetime | None:
    """Return the end of the latest earlier period with a complete fetch of the source; None if there is none."""
    below, own = landing_prefix(contract.table.domain, source_of(contract), None), prefix(contract, period)
    watermark = None
    for item in lake.store.scan(below):  # in the order of time
        if item.key >= own:
            break
        if item.key.endswith(f"/{SET}"):
            earlier = Partition.parse(item.key.removeprefix(below).partition("/fetch=")[0]).period
            watermark = earlier.end if earlier else watermark
    return watermark


def figures_of(source: object) -> dict[str, float]:
    """Return the counts of a client: attempts, retries, bytes, seconds."""
    http = getattr(source, "http", None)
    return {f"http_{name}": value for name, value in http.metrics.rounded().items()} if http else {}


def land_file(lake: Lake, contract: Contract, period: Period, run: Run, source: Source) -> Landed:
    """Land a table's file, unless landing already has the file that the source serves."""
    known = newest(lake, contract, period)
    with scratch_folder(lake.scratch) as folder:
        download = source.fetch(dataset(contract), period, known_etag=known.etag if known else None, scratch=folder)
        if isinstance(download, NotModified):
            assert known is not None  # noqa: S101 - only a known ETag can be unmodified
            log.info("landed %s %s: unchanged at the source (%s)", contract.name, period, download.etag)
            return known
        landed = store(lake, contract, period, run, download, known)
    log.info("landed %s %s: %s (%s bytes)", contract.name, period, landed.item.key, landed.item.size)
    return landed
