"""Records that the Kinesis Producer Library packed into one: magic bytes, a protobuf message, and its MD5.

The message is `{1: partition keys, 2: hash keys, 3: records {1: index of the key, 3: data}}`. The public reader of the format
(`aws-kinesis-agg`) needs protobuf; these forty lines need nothing. A test reads bytes that the public library wrote.
"""

import hashlib
from collections.abc import Iterator

_MAGIC = b"\xf3\x89\x9a\xc2"
_DIGEST = 16
_VARINT, _BYTES = 0, 2
_KEYS, _RECORDS, _KEY_INDEX, _DATA = 1, 3, 1, 3


def user_records(data: bytes) -> list[tuple[str | None, bytes]]:
    """Return the records that a producer put, each with its own key; a record that is not packed is itself, without one.

    Bytes that only look packed are one record, as with every reader of the format.
    """
    message, digest = data[len(_MAGIC) : -_DIGEST], data[-_DIGEST:]
    if not data.startswith(_MAGIC) or hashlib.md5(message, usedforsecurity=False).digest() != digest:
        return [(None, data)]
    try:
        fields = list(_fields(message))
        keys = [value.decode() for number, value in fields if number == _KEYS and isinstance(value, bytes)]
        packed = [dict(_fields(value)) for number, value in fields if number == _RECORDS and isinstance(value, bytes)]
        return [(keys[int(one[_KEY_INDEX])], bytes(one[_DATA])) for one in packed]
    except (IndexError, KeyError, TypeError, ValueError):
        return [(None, data)]


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        value, place = _varint(message, place)
        if tag & 7 == _VARINT:
            yield tag >> 3, value
        elif tag & 7 == _BYTES:
            if place + value > len(message):
                raise ValueError("a field ends after the message")
            yield tag >> 3, message[place : place + value]
            place += value
        else:
            raise ValueError("the format has no such field")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    number, shift = 0, 0
    while True:
        byte = message[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place
