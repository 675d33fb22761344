"""Names as a listing showed them: with the ETag that the object had at that moment.

A reader that has the body of that ETag needs no request: it sees what a request at the moment of the listing would have given.
"""

from typing import Self


class ListedNumber(int):
    """The number of a ledger entry."""

    etag: str

    def __new__(cls, number: int, etag: str) -> Self:
        """Return the number with the ETag of its entry."""
        listed = super().__new__(cls, number)
        listed.etag = etag
        return listed


class ListedKey(str):
    """The key of a document."""

    etag: str

    def __new__(cls, key: str, etag: str) -> Self:
        """Return the key with the ETag of its document."""
        listed = super().__new__(cls, key)
        listed.etag = etag
        return listed


def listed_etag(name: int | str) -> str:
    """Return the ETag of a name from a listing; empty for any other name."""
    return name.etag if isinstance(name, ListedNumber | ListedKey) else ""
