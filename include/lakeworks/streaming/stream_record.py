"""One record of a shard, and its line in landing.

A line is the producer's JSON object as it came, with the shard, sequence number and arrival in front. Other bytes become a line
with `stream_problem` and the bytes as base64 in `stream_raw`: they land like every record, and silver quarantines them.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lakeworks.streaming.aggregated import user_records

RESERVED = ("stream_shard", "stream_sequence", "stream_arrived_at", "stream_problem", "stream_raw")


class LandedLine(NamedTuple):
    """A line without its line break, and the reason that its record is no event."""

    text: bytes
    problem: str


@dataclass(frozen=True)
class StreamRecord:
    """A record of Kinesis; a packed one has several user records."""

    sequence: str
    arrived_at: datetime
    key: str
    data: bytes

    @classmethod
    def of(cls, answer: dict[str, Any]) -> "StreamRecord":
        """Read one record of a GetRecords answer."""
        moment = answer["ApproximateArrivalTimestamp"].astimezone(UTC)
        return cls(answer["SequenceNumber"], moment, answer["PartitionKey"], bytes(answer["Data"]))

    @property
    def payloads(self) -> list[bytes]:
        """The bytes that producers put."""
        return [data for _, data in user_records(self.data)]

    def lines(self, shard: str) -> list[LandedLine]:
        """Return a line for each user record."""
        lines = []
        for number, data in enumerate(self.payloads):
            facts = {
                "stream_shard": shard,
                "stream_sequence": f"{self.sequence}.{number}",
                "stream_arrived_at": self.arrived_at.isoformat(timespec="milliseconds"),
            }
            problem = problem_of(data)
            if problem:
                raw = base64.b64encode(data).decode()
                lines.append(
                    LandedLine(json.dumps({**facts, "stream_problem": problem, "stream_raw": raw}).encode(), problem)
                )
                continue
            # A line break outside of strings is space; JSON has none inside of them.
            body = data.strip().replace(b"\r", b" ").replace(b"\n", b" ")[1:].lstrip()
            head = json.dumps(facts).encode()[:-1]
            lines.append(LandedLine(head + (b"}" if body == b"}" else b", " + body), ""))
        return lines


def problem_of(data: bytes) -> str:
    """Return the reason that bytes are no event; empty for a JSON object."""
    try:
        event = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except UnicodeDecodeError:
        return "is not UTF-8"
    except RecursionError:
        return "is nested too deep"
    except _FieldTwiceError as error:
        return f"has the field {error} twice"
    except ValueError as error:
        return f"is no JSON: {error}"[:200]
    if not isinstance(event, dict):
        return "is no JSON object"
    taken = [name for name in RESERVED if name in event]
    return f"has the reserved field {taken[0]}" if taken else ""


class _FieldTwiceError(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        raise _FieldTwiceError(next(name for name in names if names.count(name) > 1))
    return members


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")
