"""Source clients: they request data from vendors and return raw bytes. They never write to the lake.

Three kinds. A `Source` serves one file a period, conditional on its ETag (NYC TLC). A `RequestSource` makes many requests a
period (an API). Every answer goes through `ResponseStore.fetch_once`, which lands it before the client sends the next request.
After a failure, `fetch_once` returns the landed answer instead of sending the request again. The source's `parse` turns one
landed answer into rows, without a network. A `FileSource` (`file_drop`) hands over files that others deliver, each landed as
it came.
"""

from lakeworks.sources.protocols import (
    AnySource,
    Download,
    FetchRequest,
    NotModified,
    Parse,
    RequestSource,
    ResponseStore,
    Rows,
    Source,
    SourceConnection,
)
from lakeworks.sources.registry import known_sources, open_source, parser_of

__all__ = [
    "AnySource",
    "Download",
    "FetchRequest",
    "NotModified",
    "Parse",
    "RequestSource",
    "ResponseStore",
    "Rows",
    "Source",
    "SourceConnection",
    "known_sources",
    "open_source",
    "parser_of",
]
