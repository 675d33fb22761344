"""Key ranges: the keys that a person means by a prefix, and the keys that only the lake may change."""

from dataclasses import dataclass

from lakeworks.core.layout import INBOX, is_written_by_lake
from lakeworks.errors import ConfigError


@dataclass(frozen=True)
class KeyRange:
    """`ticks/AAPL` is that object and what lies below `ticks/AAPL/`, never `ticks/AAPL2`; `ticks/AAPL*` is every such name."""

    text: str

    @property
    def prefix(self) -> str:
        """Return the prefix to list in S3."""
        return self.text.removesuffix("*")

    @property
    def folder(self) -> str:
        """Return the part of its keys that names no file: what `get` takes off."""
        return self.prefix if self.prefix.endswith("/") else self.prefix[: self.prefix.rfind("/") + 1]

    def holds(self, key: str) -> bool:
        """Return whether a key below the prefix belongs to the range."""
        if self.text.endswith("*") or not self.prefix or self.prefix.endswith("/"):
            return key.startswith(self.prefix)
        return key == self.prefix or key.startswith(f"{self.prefix}/")

    def relative(self, key: str) -> str:
        """Return a key's name below the folder that was asked for."""
        below = f"{self.prefix}/"
        is_whole_name = not self.text.endswith("*") and key.startswith(below)
        return key.removeprefix(below if is_whole_name else self.folder)


def refuse_lakes_own(text: str, act: str) -> None:
    """Refuse to change keys that the lake itself writes. Everyone may change the inbox.

    Raises:
        ConfigError: the prefix lies in an area of the lake, or holds one.
    """
    key = text.removesuffix("*")
    if key.lstrip("/").startswith(f"{INBOX}/"):
        return
    if not key or is_written_by_lake(key):
        area = key.lstrip("/").partition("/")[0] or "the whole bucket"
        raise ConfigError(
            f"`{text}` belongs to the lake (`{area}`: tables, landing, ledger, staging, records). A change by "
            f"hand would damage published tables. Nothing was {act}. Commands for tables: withdraw, expire, gc, "
            "forget."
        )
