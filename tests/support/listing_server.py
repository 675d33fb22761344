"""A read-only S3 bucket in memory, for timing listings of hundreds of thousands of keys: no disk, no work per key but its XML.

It answers ListObjectsV2 (prefix, start-after, continuation, 1,000 keys a page), GetObject and HeadObject over HTTP. Whether the product works on an S3 is
tested on moto, ministack and SeaweedFS; here only the client is timed.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_PAGE = 1000
_ITEM = (
    "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>"
    "<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


@contextmanager
def serving_bucket(objects: Mapping[str, bytes]) -> Iterator[str]:
    """Serve the objects as every bucket there is; gives the address."""
    keys = sorted(objects)

    def listing(query: Mapping[str, list[str]]) -> bytes:
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", query.get("start-after", [""]))[0]
        start = max(bisect_left(keys, prefix), bisect_right(keys, after) if after else 0)
        page = [key for key in keys[start : start + _PAGE] if key.startswith(prefix)]
        more = len(page) == _PAGE and start + _PAGE < len(keys) and keys[start + _PAGE].startswith(prefix)
        items = "".join(_ITEM.format(key=escape(key), size=len(objects[key])) for key in page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        head = f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>{token}"
        return f"<ListBucketResult>{head}{items}</ListBucketResult>".encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            key = unquote(parts.path.lstrip("/")).partition("/")[2]
            if key and key not in objects:
                self._reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
            else:
                self._reply(200, objects[key] if key else listing(parse_qs(parts.query)))

        def _reply(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("ETag", '"e"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
