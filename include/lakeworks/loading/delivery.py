"""Checked local files as a delivery: they are added to a period's files and remove none of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lakeworks.errors import DeliveryShrank
from lakeworks.sources.files.file_drop import FileOptions
from lakeworks.sources.files.file_source import CheckedFile, FileStore, LandedFile
from lakeworks.sources.options import read_options
from lakeworks.sources.protocols import FetchRequest


@dataclass
class Delivery:
    """Implements `lakeworks.sources.files.file_source.FileSource`."""

    files: Sequence[CheckedFile]
    sent: Callable[[int], None]
    variant: str = "load"  # a fetch from the inbox is not continued with these files
    same: set[str] | None = field(default=None, init=False)  # names the period had with this content at the start

    def collect_files(self, request: FetchRequest, landing: FileStore) -> Mapping[str, str]:
        """See `FileSource.collect_files`."""
        before, least = landing.files_before, read_options(FileOptions, request).least_share_of_rows
        for file in self.files:
            if (landed := before.get(file.name)) is not None:
                _refuse_shrunk(file, landed, least)
        if self.same is None:
            known = {name: item.content for name, item in before.items()}
            self.same = {file.name for file in self.files if known.get(file.name) == file.facts.content}
        landing.take_checked(self.files, self.sent)
        here = {file.name for file in self.files}
        for name in before:
            if name not in here:
                landing.keep_file(name, "was there before this load")
        return {}


def _refuse_shrunk(file: CheckedFile, known: LandedFile, least: float) -> None:
    if file.facts.rows < known.rows * least:
        raise DeliveryShrank(
            f"`{file.path}` has {file.facts.rows} rows; the file landed earlier as `{file.name}` had "
            f"{known.rows}. Nothing was loaded; the earlier file remains valid. Load the complete file. If the "
            f"smaller file is right, first run `lakeworks forget` for the table, the period and `{file.name}`. "
            "The contract sets the limit: `least_share_of_rows` in source_options."
        )
