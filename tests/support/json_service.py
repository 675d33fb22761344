"""An AWS service of protocol JSON 1.1 on loopback: what boto3 sends to a target goes to a function, which answers or refuses."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ServiceRefusal(Exception):
    """An error as the service names it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@contextmanager
def serving_json(answer: Callable[[str, dict[str, Any]], Any], port: int = 0) -> Iterator[str]:
    """Serve; `answer` gets the operation and the request. Gives the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version, wbufsize = "HTTP/1.1", -1  # one packet an answer: two wait for an acknowledgement

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            try:
                status, found = 200, answer(self.headers["X-Amz-Target"].rpartition(".")[2], body)
            except ServiceRefusal as refusal:
                status, found = refusal.status, {"__type": refusal.code, "Message": str(refusal)}
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
