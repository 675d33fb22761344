"""Calls for many partitions of one table: the fewest that Glue allows, with each item's error.

Glue's limits (API reference): 100 partitions per BatchCreatePartition or BatchUpdatePartition, 25 per
BatchDeletePartition, 1,000 per BatchGetPartition. GetPartitions has 1,000 per page and up to 10 segments. Batch calls
report failures per item in the response body, not as exceptions; throttled items are sent again, all others are
returned with their code.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from lakeworks.aws_errors import error_code, translated
from lakeworks.catalog.responses import required_member
from lakeworks.core.names import TableName
from lakeworks.core.parallel import map_ordered
from lakeworks.errors import LakeNotFound, LakeUnavailable, RequestRefused

Values = tuple[str, ...]
WRITE_BATCH = 100
DELETE_BATCH = 25
GET_BATCH = 1000
_THROTTLED = {"ThrottlingException", "InternalServiceException", "OperationTimeoutException", "InternalServerException"}
_ROUNDS = 8
# Errors of emulators without the operation; AWS has it.
_UNSUPPORTED = {"InvalidAction", "UnknownOperationException", "UnsupportedOperation", "NotImplemented", "501"}


@dataclass(frozen=True)
class PartitionCalls:
    """The partitions of one Glue table. The client is passed in and thread-safe."""

    client: Any  # a boto3 Glue client
    name: TableName
    threads: int = 4
    sleep: Callable[[float], None] = field(default=time.sleep)
    database: str = ""

    @property
    def place(self) -> dict[str, Any]:
        """Return the arguments that name the table in every call."""
        return {"DatabaseName": self.database or self.name.database, "TableName": self.name.table}

    def listing(self, *, columns: bool = True) -> Iterator[dict[str, Any]]:
        """Yield every partition once, in no order. One thread reads each segment.

        At most a page a thread is in memory. Stand-ins answer everything for each segment; what was seen is left out.
        """
        seen: set[Values] = set()
        for page in self._pages(columns=columns):
            for item in page:
                if (values := tuple(item["Values"])) not in seen:
                    seen.add(values)
                    yield item

    def get(self, partitions: Sequence[Values]) -> dict[Values, dict[str, Any]]:
        """Return those of the partitions that exist."""
        answers = map_ordered(self._get, chunks(partitions, GET_BATCH), self.threads)
        return {tuple(item["Values"]): item for answer in answers for item in answer}

    def create(self, inputs: Sequence[Mapping[str, Any]]) -> dict[Values, str]:
        """Create partitions (those that exist are updated); returns the error code of each that Glue refused."""
        return self._write_all(inputs, create=True)

    def update(self, inputs: Sequence[Mapping[str, Any]]) -> dict[Values, str]:
        """Update partitions (those that are gone are created); returns the error code of each that Glue refused."""
        return self._write_all(inputs, create=False)

    def delete(self, values: Sequence[Values]) -> dict[Values, str]:
        """Take partitions out; those already gone count as done. Returns the error code of each that Glue refused."""
        return _merged(map_ordered(self._delete, chunks(values, DELETE_BATCH), self.threads))

    def _pages(self, *, columns: bool) -> Iterator[list[dict[str, Any]]]:
        with ThreadPoolExecutor(self.threads) as pool:
            flying: dict[Future[tuple[list[dict[str, Any]], str | None]], dict[str, int]] = {}
            for number in range(self.threads):
                segment = {"SegmentNumber": number, "TotalSegments": self.threads}
                flying[pool.submit(self._page, segment, None, columns)] = segment
            while flying:
                done, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in done:
                    segment = flying.pop(future)
                    items, token = future.result()
                    if token:
                        flying[pool.submit(self._page, segment, token, columns)] = segment
                    yield items

    def _page(
        self, segment: dict[str, int], token: str | None, columns: bool
    ) -> tuple[list[dict[str, Any]], str | None]:
        more: dict[str, Any] = {"NextToken": token} if token else {}
        with translated("list the partitions of", str(self.name)):
            answer = self.client.get_partitions(
                **self.place, Segment=segment, MaxResults=1000, ExcludeColumnSchema=not columns, **more
            )
        return list(required_member(answer, "Partitions", str(self.name))), answer.get("NextToken") or None

    def _get(self, values: Sequence[Values]) -> list[dict[str, Any]]:
        """Ask until nothing is left open.

        `UnprocessedKeys` are keys Glue did not get to, and on an emulator those that do not exist. While answers bring
        something, the rest is asked for again. One that brings nothing is followed by a question for a single key: if even that
        is not found, the rest does not exist. (A partition taken for missing is no harm: creating it turns into updating it.)

        Raises:
            LakeUnavailable: single keys are answered, but never several; nothing was changed.
        """
        registered, left, stuck = list[dict[str, Any]](), list(values), 0
        while left:
            answered, unanswered = self._ask(left)
            registered += answered
            if not unanswered or len(left) == 1:
                return registered
            if len(unanswered) == len(left):
                probed, _ = self._ask(left[:1])
                if not probed:
                    return registered
                registered, unanswered, stuck = registered + probed, left[1:], stuck + 1
            if stuck == _ROUNDS:
                raise LakeUnavailable(
                    f"Glue did not return {len(unanswered)} of {len(values)} partitions of `{self.name}`, first "
                    f"{'/'.join(unanswered[0])}, even after several attempts. Nothing was changed. Run again."
                )
            self.sleep(min(0.1 * 2**stuck, 5.0))
            left = unanswered
        return registered

    def _ask(self, values: Sequence[Values]) -> tuple[list[dict[str, Any]], list[Values]]:
        """Make one call; return the partitions that exist and the unprocessed keys."""
        with translated("look up partitions of", str(self.name)):
            answer = self.client.batch_get_partition(
                **self.place, PartitionsToGet=[{"Values": list(item)} for item in values]
            )
        partitions = [dict(item) for item in required_member(answer, "Partitions", str(self.name))]
        listed = {tuple(item["Values"]) for item in answer.get("UnprocessedKeys", [])}
        registered = {tuple(item["Values"]) for item in partitions}
        return partitions, [item for item in values if item in listed and item not in registered]

    def _write_all(self, inputs: Sequence[Mapping[str, Any]], *, create: bool) -> dict[Values, str]:
        batches = chunks(inputs, WRITE_BATCH)
        return _merged(map_ordered(lambda batch: self._write(batch, create=create), batches, self.threads))

    def _write(self, inputs: Sequence[Mapping[str, Any]], *, create: bool) -> dict[Values, str]:
        """Send one batch until Glue throttles none of it; switch to create or update if another writer was first."""
        refused: dict[Values, str] = {}
        pending = {tuple(item["Values"]): item for item in inputs}
        creating = dict.fromkeys(pending, create)
        for attempt in range(_ROUNDS):
            errors: dict[Values, str] = {}
            for side in (True, False):
                if batch := [item for values, item in pending.items() if creating[values] is side]:
                    errors |= self._call(batch, create=side)
            waits = {values: code for values, code in errors.items() if code in _THROTTLED}
            turned = {"AlreadyExistsException": False, "EntityNotFoundException": True}
            turns = {v: turned[code] for v, code in errors.items() if turned.get(code, creating[v]) is not creating[v]}
            refused |= {values: code for values, code in errors.items() if values not in {*waits, *turns}}
            creating |= turns
            pending = {values: item for values, item in pending.items() if values in {*waits, *turns}}
            if not pending:
                return refused
            if waits:
                self.sleep(min(0.2 * 2**attempt, 5.0))
        return refused | {values: errors[values] for values in pending}

    def _call(self, inputs: Sequence[Mapping[str, Any]], *, create: bool) -> dict[Values, str]:
        with translated("register partitions of", str(self.name)):
            if create:
                answer: Any = self.client.batch_create_partition(**self.place, PartitionInputList=list(inputs))
            else:
                entries = [{"PartitionValueList": item["Values"], "PartitionInput": item} for item in inputs]
                answer = self.client.batch_update_partition(**self.place, Entries=entries)
        return _errors(answer, "PartitionValues" if create else "PartitionValueList")

    def _delete(self, values: Sequence[Values]) -> dict[Values, str]:
        pending, refused = list(values), dict[Values, str]()
        for attempt in range(_ROUNDS):
            errors = self._delete_batch(pending)
            refused |= {
                v: code for v, code in errors.items() if code not in _THROTTLED and code != "EntityNotFoundException"
            }
            pending = [v for v, code in errors.items() if code in _THROTTLED]
            if not pending:
                return refused
            self.sleep(min(0.2 * 2**attempt, 5.0))
        return refused | dict.fromkeys(pending, "ThrottlingException")

    def _delete_batch(self, values: Sequence[Values]) -> dict[Values, str]:
        try:
            with translated("drop partitions of", str(self.name)):
                answer = self.client.batch_delete_partition(
                    **self.place, PartitionsToDelete=[{"Values": list(item)} for item in values]
                )
        except (LakeUnavailable, RequestRefused) as error:
            if error_code(error) not in _UNSUPPORTED:
                raise
            for item in values:
                self._delete_one(item)
            return {}
        return _errors(answer, "PartitionValues")

    def _delete_one(self, values: Values) -> None:
        try:
            with translated("drop the partition", f"{self.name} {'/'.join(values)}"):
                self.client.delete_partition(**self.place, PartitionValues=list(values))
        except LakeNotFound:
            return


def chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Return the items in slices of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _errors(answer: Mapping[str, Any], key: str) -> dict[Values, str]:
    return {tuple(e[key]): e.get("ErrorDetail", {}).get("ErrorCode", "Unknown") for e in answer.get("Errors", [])}


def _merged(parts: Iterable[dict[Values, str]]) -> dict[Values, str]:
    merged: dict[Values, str] = {}
    for one in parts:
        merged |= one
    return merged
