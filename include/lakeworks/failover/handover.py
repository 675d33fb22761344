"""Handover: a primary that still works stops publishing, so that all it published can be delivered before the takeover."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from lakeworks.contract import Contract
from lakeworks.errors import FailoverRefused, LedgerCorrupt, LostRace
from lakeworks.failover.replica_refusal import admit_replicas, refuse_replicas
from lakeworks.failover.shares import shares_of, write_epoch
from lakeworks.lake import Lake
from lakeworks.ledger.entry import Stored
from lakeworks.ledger.epoch import FIRST, EpochDocument, EpochRegister


def hand_over(
    lake: Lake, contracts: Sequence[Contract], region: str, clock: Callable[[], datetime], *, undo: bool = False
) -> EpochDocument:
    """Stop (or with `undo` resume) publications into a primary, and return its document. Repeating it changes nothing.

    A run that is publishing at this moment loses its numbers and fails; run it again in the new primary.

    Raises:
        FailoverRefused: the bucket is not the primary; nothing was changed.
    """
    known, _ = EpochRegister(lake.store).load()
    known = known or EpochDocument(epoch=FIRST, bucket=lake.store.bucket, region=region, since=clock())
    if known.bucket != lake.store.bucket or known.state == "taking over":
        raise FailoverRefused(
            f"`s3://{lake.store.bucket}` is not the primary: {known.primary} is, in epoch {known.epoch} ({known.state}). "
            "Nothing was changed. Set LAKE_BUCKET to the primary."
        )
    document = known.model_copy(update={"state": "primary" if undo else "handed over"})
    if undo and known.epoch > FIRST:
        refuse_replicas(lake.store.client, lake.store.bucket, region)
    shares = shares_of(lake)
    write_epoch(shares, document)
    if not undo:
        for share in shares:
            end_publications(share, contracts)
        admit_replicas(lake.store.client, lake.store.bucket)
    return document


def end_publications(lake: Lake, contracts: Sequence[Contract]) -> int:
    """Abandon every publication that is under way in a share, and return how many.

    Call it after the epoch's document was written: a writer that takes a number later finds the document.
    """
    return sum(lake.store.map(lambda contract: _end_of_table(lake, contract), contracts))


def _end_of_table(lake: Lake, contract: Contract) -> int:
    ended = 0
    for partition, numbers in lake.ledger.numbers(contract.table).items():
        with suppress(LostRace, LedgerCorrupt):
            stored = lake.ledger.read(contract.table, partition, numbers[-1])
            if stored.entry.state == "publishing":
                given_up = stored.entry.model_copy(update={"state": "abandoned"})
                lake.ledger.complete(Stored(stored.entry, stored.etag), given_up)
                ended += 1
    return ended
