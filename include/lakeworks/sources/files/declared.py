"""Small tables that people maintain by hand: `rows.csv` beside the table's contract, landed like a vendor's response.

A change is a reviewed commit. The address names the file, and landing keeps every published state.
"""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from lakeworks.errors import ContractError
from lakeworks.formats.text.csv_file import read_text
from lakeworks.project import current_project
from lakeworks.sources import FetchRequest, ResponseStore, Rows, SourceConnection
from lakeworks.sources.response import SourceResponse


class Declared:
    """Source of declared rows. A data set is named like the table whose folder has `rows.csv`."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or current_project().tables

    def collect(self, request: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        """See `RequestSource.collect`.

        Raises:
            ContractError: no table of that name has rows, or several have.
        """
        files = sorted(self.root.glob(f"*/*/{request.dataset}/rows.csv"))
        if len(files) != 1:
            places = ", ".join(str(path.relative_to(self.root)) for path in files) or "none"
            raise ContractError(
                f"`declared.{request.dataset}` must be exactly one `<table>/rows.csv`; found: {places}. Nothing was landed."
            )
        path = files[0]
        url = f"tables/{path.relative_to(self.root)}"
        landing.fetch_once("rows.csv", lambda: SourceResponse(path.read_bytes(), url, 200, {}, datetime.now(UTC)))
        return {}


def connect(access: SourceConnection) -> Declared:  # noqa: ARG001 - every source has it
    """Return the client. It needs no address and no key."""
    return Declared()


def parse(request: FetchRequest, answer: SourceResponse) -> Rows:  # noqa: ARG001 - every parser has it
    """Return the rows: every value as text, an empty field as null."""
    return read_text(io.StringIO(answer.text, newline=""))
