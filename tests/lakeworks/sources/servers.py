"""Servers that break the rules of HTTP in ways no framework lets one: they answer with the bytes they are given."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def raw_server(*chunks: bytes, pause: float = 0.0) -> Iterator[str]:
    """Send the chunks, `pause` seconds apart, to everyone who connects; then close. Yields the address."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    _send(connection, chunks, pause, stopped)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    address = listener.getsockname()
    try:
        yield f"http://127.0.0.1:{address[1]}"
    finally:
        stopped.set()
        with contextlib.suppress(OSError):
            socket.create_connection(address, timeout=1).close()  # wakes the accept
        thread.join(5)
        listener.close()


def _send(connection: socket.socket, chunks: Sequence[bytes], pause: float, stopped: threading.Event) -> None:
    for chunk in chunks:
        if stopped.is_set():
            return
        connection.sendall(chunk)
        time.sleep(pause)
