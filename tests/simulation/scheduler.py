"""Processes as greenlets: each stops before every request, and the scheduler decides whose request comes next and what becomes of it.

A decision is the name of a process and the fate of its request. The list of decisions reproduces a history.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

from greenlet import GreenletExit, getcurrent, greenlet

from tests.simulation.clock import Clock

# go: the request takes effect and its answer arrives. die: the process is killed before it sends. die after: it is killed when
# the request has taken effect. die late: it is killed, and its request takes effect some time later. twice: the answer is lost
# and the client sends the request again. copy: the answer arrives, and a copy that the network delayed takes effect later.
Fate = Literal["go", "die", "die after", "die late", "twice", "copy"]
STEP = timedelta(milliseconds=50)


class Decision(NamedTuple):
    """Whose request is next, and its fate."""

    process: str
    fate: Fate = "go"


@dataclass
class Request:
    """A request that waits for its turn."""

    operation: str
    arguments: dict[str, Any]
    execute: Callable[[], Any]
    outcome: str = ""

    @property
    def writes(self) -> bool:
        """Whether it can change anything."""
        return not self.operation.startswith(("get_", "head_", "list_", "batch_get_", "sleep"))


@dataclass
class Process:
    """One process of the lake, or one request that is still under way when its sender no longer waits for it."""

    name: str
    work: Callable[[], Any]
    skew: timedelta = timedelta()
    starts_after: str = ""
    request: Request | None = None
    state: Literal["new", "running", "ended", "killed"] = "new"
    result: Any = None
    error: Exception | None = None
    steps: int = 0
    thread: Any = field(default=None, repr=False)

    @property
    def is_over(self) -> bool:
        """Whether it makes no more requests."""
        return self.state in ("ended", "killed")


class Killed(GreenletExit):
    """Raised in a killed process if its code asks for anything while it is cleaned up."""


class Scheduler:
    """The processes of one history."""

    def __init__(self, clock: Clock, after_step: Callable[[Process, Request | None, Fate], None]) -> None:
        self.clock = clock
        self.after_step = after_step
        self.processes: dict[str, Process] = {}
        self.running: Process | None = None
        self.hub = getcurrent()
        self.decisions: list[Decision] = []

    def add(self, process: Process) -> None:
        """Let a process take part."""
        self.processes[process.name] = process

    def ready(self) -> list[Process]:
        """The processes that can go on."""
        return [
            item
            for item in self.processes.values()
            if not item.is_over and (not item.starts_after or self.processes[item.starts_after].is_over)
        ]

    def ask(self, operation: str, arguments: dict[str, Any], execute: Callable[[], Any]) -> Any:
        """Make a request as the running process; from outside of all processes it is made at once."""
        here = getcurrent()
        if here is self.hub:
            return execute()
        process: Process = here.process
        if process.state == "killed":
            raise Killed
        process.request = Request(operation, arguments, execute)
        return self.hub.switch()

    def step(self, decision: Decision) -> bool:
        """Let one process make its next request; returns False where it cannot."""
        process = self.processes.get(decision.process)
        if process is None or process.is_over:
            return False
        if process.starts_after and not self.processes[process.starts_after].is_over:
            return False
        self.decisions.append(decision)
        self.clock.advance(STEP)
        self.clock.skew = process.skew
        process.steps += 1
        if process.thread is None:
            process.thread = greenlet(process.work, self.hub)
            process.thread.process = process
            process.state = "running"
            self._resume(process, None)
            self.clock.skew = timedelta()
            return True
        request, fate = process.request, decision.fate
        self._decide(process, request, fate)
        self.clock.skew = timedelta()
        self.after_step(process, request, fate)
        return True

    def _decide(self, process: Process, request: Request | None, fate: Fate) -> None:
        assert request is not None
        if fate in ("die", "die after", "die late"):
            if fate == "die after":
                self._quietly(request)
            if fate == "die late":
                self._send_later(process, request)
            self._kill(process)
            return
        if fate == "twice":  # the process goes on waiting, for the answer to the second request
            self._quietly(request)
            return
        try:
            answer, error = request.execute(), None
        except Exception as raised:
            answer, error = None, raised
            request.outcome = str(getattr(raised, "response", {}).get("Error", {}).get("Code", raised))
        if fate == "copy":
            self._send_later(process, request)
        process.request = None
        self._resume(process, answer, error)

    def _resume(self, process: Process, answer: Any, error: Exception | None = None) -> None:
        """Run a process until its next request, or its end."""
        self.running = process
        try:
            if error:
                process.result = process.thread.throw(error)
            else:
                process.result = process.thread.switch(answer) if process.thread else process.thread.switch()
        except Exception as raised:
            process.error = raised
        self.running = None
        if process.thread.dead:
            process.state = "ended"
            process.request = None

    def _kill(self, process: Process) -> None:
        """End a process as SIGKILL does: none of its code has any effect from here on."""
        process.state = "killed"
        process.request = None
        process.thread.throw(Killed)

    def _quietly(self, request: Request) -> None:
        """Let a request take effect whose answer is lost."""
        try:
            request.execute()
        except Exception as raised:  # the answer is an error that no process reads
            request.outcome = str(getattr(raised, "response", {}).get("Error", {}).get("Code", raised))

    def _send_later(self, process: Process, request: Request) -> None:
        """Keep a request under way: it takes effect when the scheduler lets it."""
        if not request.writes:
            return
        number = sum(name.startswith(f"{process.name}'s late request") for name in self.processes)
        name = f"{process.name}'s late request" + (f" {number + 1}" if number else "")

        def arrive() -> None:
            try:
                self.ask(request.operation, request.arguments, request.execute)
            except Exception:
                return

        late = Process(name, arrive, skew=process.skew)
        self.add(late)
        late.thread = greenlet(arrive, self.hub)
        late.thread.process = late
        late.state = "running"
        self._resume(late, None)


class Client:
    """A boto3 client of one service as a process sees it: every method is a request to the scheduler."""

    def __init__(self, service: Any, scheduler: Scheduler) -> None:
        self._service = service
        self._scheduler = scheduler
        self.meta = SimpleNamespace(region_name="us-east-1")

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self._service, operation)

        def call(**arguments: Any) -> Any:
            arguments.pop("Bucket", None)
            if getcurrent() is self._scheduler.hub:  # from outside of all processes: at once
                return method(**arguments)
            return self._scheduler.ask(operation, arguments, partial(method, **arguments))

        self.__dict__[operation] = call
        return call

    def get_paginator(self, operation: str) -> "Paginator":
        """Pages of a listing."""
        return Paginator(getattr(self, operation))


class Paginator:
    """Pages of a listing; a simulated one has one page."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def paginate(self, **arguments: Any) -> Any:
        """The page, when it is asked for."""
        yield self._call(**arguments)
