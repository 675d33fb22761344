"""A REST service on loopback that answers in JSON: AWS's protocol rest-json, and Kubernetes'."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class RestRefusal(Exception):
    """A refusal: AWS names an error type, Kubernetes has a message and a status."""

    def __init__(self, kind: str, message: str, status: int) -> None:
        super().__init__(message)
        self.kind, self.status = kind, status


Answer = Callable[[str, str, dict[str, list[str]], Any], Any]


@contextmanager
def serving_rest(answer: Answer) -> Iterator[str]:
    """Serve; `answer` gets method, path, query and body. Gives the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version, wbufsize = "HTTP/1.1", -1  # one packet an answer: two wait for an acknowledgement

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts, kind = urlsplit(self.path), ""
            try:
                status, found = (
                    200,
                    answer(self.command, unquote(parts.path), parse_qs(parts.query), json.loads(body or b"null")),
                )
            except RestRefusal as refusal:
                status, kind, found = refusal.status, refusal.kind, {"message": str(refusal)}
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if kind:
                self.send_header("x-amzn-errortype", kind)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.handle_one()

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that the server looks for

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
