"""Records on their way to Kinesis, and the limits of one call."""

from dataclasses import dataclass

from lakeworks.errors import RecordRefused

MOST_RECORDS = 500
MOST_BYTES = 5 << 20
MOST_RECORD_BYTES = 1 << 20
MOST_KEY_CHARACTERS = 256


@dataclass(frozen=True)
class OutgoingRecord:
    """One record: its bytes, and the partition key that decides its shard."""

    data: bytes
    key: str

    @property
    def size(self) -> int:
        """Return the bytes that Kinesis counts: the data and the key."""
        return len(self.data) + len(self.key.encode())

    def entry(self) -> dict[str, object]:
        """Return it as PutRecords takes it."""
        return {"Data": self.data, "PartitionKey": self.key}


def checked(data: bytes, key: str) -> OutgoingRecord:
    """Return the record.

    Raises:
        RecordRefused: Kinesis takes no such record.
    """
    if not 1 <= len(key) <= MOST_KEY_CHARACTERS:
        raise RecordRefused(
            f"A partition key has {len(key)} characters; Kinesis takes 1 to {MOST_KEY_CHARACTERS}. The record was not sent; "
            "records before it are. Choose a shorter key, such as the customer's number."
        )
    record = OutgoingRecord(data, key)
    if record.size > MOST_RECORD_BYTES:
        raise RecordRefused(
            f"A record of {len(data):,} bytes with a key of {record.size - len(data)} is larger than the {MOST_RECORD_BYTES:,} "
            f"bytes that Kinesis takes (key `{key}`). The record was not sent; records before it are. Split it, or put its "
            "body into the lake (`lakeworks objects put`) and send the address."
        )
    return record


def batches(records: list[OutgoingRecord]) -> list[list[OutgoingRecord]]:
    """Return the records in order, cut at the limits of one call."""
    calls: list[list[OutgoingRecord]] = []
    size = 0
    for record in records:
        if not calls or len(calls[-1]) == MOST_RECORDS or size + record.size > MOST_BYTES:
            calls.append([])
            size = 0
        calls[-1].append(record)
        size += record.size
    return calls
