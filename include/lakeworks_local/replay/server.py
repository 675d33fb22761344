"""Replay server: `python -m lakeworks_local.replay` for the stack, `start_replay()` inside a test."""

import argparse
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from lakeworks_local.replay import alpha_vantage, coingecko, nyc_tlc, sec, shopify, sp500, yahoo
from lakeworks_local.replay.middleware import FaultMiddleware
from lakeworks_local.replay.world import OpenShop, World

MOVED = "/dates-moved"
# A vendor is a module with NAME and `routes(world)`. The taxi CDN comes last, because it answers every other address.
VENDORS = (alpha_vantage, coingecko, sec, shopify, sp500, yahoo, nyc_tlc)


def create_app(open_shop: OpenShop | None = None, today: date | None = None) -> Starlette:
    """Make the application: every vendor's routes behind one fault middleware. Tests pass their own shop.

    With `today` the sample data's dates are moved so that they end there (`moved_dates`).
    """
    world = World(open_shop, today)

    async def index(_: object) -> JSONResponse:
        control = ["/_control/faults", "/_control/requests", "/_control/clock", "/_control/limits", "/_control/health"]
        return JSONResponse({"replay of": [*(vendor.NAME for vendor in VENDORS)], "control": control})

    async def health(_: object) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    control = [
        Route("/", index),
        Route("/_control/health", health),
        Route("/_control/faults", world.faults.control, methods=["GET", "POST", "DELETE"]),
        Route("/_control/chaos", world.faults.bad_day, methods=["GET", "POST", "DELETE"]),
        Route("/_control/requests", world.faults.log, methods=["GET", "DELETE"]),
        Route("/_control/clock", world.clock, methods=["GET", "POST"]),
        Route("/_control/reset", world.reset, methods=["POST"]),
        Route("/_control/limits", world.limits, methods=["GET", "POST", "DELETE"]),
    ]
    vendors = [route for vendor in VENDORS for route in vendor.routes(world)]
    served = [*control, *vendors]
    # The address says it, and so do the rows that keep their source's address.
    routes = [Mount(MOVED, routes=served), *control] if today else served
    return Starlette(routes=routes, middleware=[Middleware(FaultMiddleware, faults=world.faults)])


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket. IPPROTO_TCP is explicit so that asyncio sets TCP_NODELAY (47 ms per request without it)."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)  # a client that reads the address may connect at once
    return listener


def _server(app: Starlette) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=2))


@contextlib.contextmanager
def start_replay(open_shop: OpenShop | None = None, today: date | None = None) -> Iterator[str]:
    """Run a server in a thread on a free port, and yield its base URL."""
    listener = bind("127.0.0.1", 0)
    server = _server(create_app(open_shop, today))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}{MOVED if today else ''}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="Replay the lake's sources from sample data.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0: a free one")
    parser.add_argument("--ready-file", type=Path, help="file for the base URL, written once the server listens")
    parser.add_argument("--today", type=date.fromisoformat, help="day before which the sample data's moved dates end")
    arguments = parser.parse_args()
    listener = bind(arguments.host, arguments.port)
    url = f"http://{arguments.host}:{listener.getsockname()[1]}"
    url += MOVED if arguments.today else ""
    if arguments.ready_file:
        arguments.ready_file.write_text(url)
    print(f"replaying sources on {url}", flush=True)
    _server(create_app(today=arguments.today)).run(sockets=[listener])
