"""Pasts that histories share: the publications before a history follow from few parameters, so each past is played once."""

import pickle
from datetime import timedelta
from typing import Any

from tests.simulation import clock
from tests.simulation.actors import work_of
from tests.simulation.scenario import Actor, Scenario
from tests.simulation.world import World

_BETWEEN = timedelta(hours=30)
_known: dict[tuple[Any, ...], bytes] = {}


def begin(world: World, scenario: Scenario) -> None:
    """Let a new world have its past: played, or as a history before left an equal one."""
    of = scenario
    parameters = of.layout, of.past, of.days, of.parts, of.in_parts, of.expires, of.archived
    if parameters in _known:
        _put_into(world, _known[parameters])
        return
    for number in range(1, scenario.past + 1):
        work_of(world, Actor(f"past {number}", "writer", number, tuple(range(scenario.days)), number))()
        world.clock.advance(_BETWEEN)
    _known[parameters] = _state(world)


def forget() -> None:
    """Play every past again: a planted fault acts in it, too."""
    _known.clear()


def _state(world: World) -> bytes:
    """Write down what the publications left in the world, and in the memory of its store."""
    bucket = {name: value for name, value in vars(world.bucket).items() if name != "clock"}
    known = [(key, etag, body) for key, (etag, body) in world.lake.store.memory._bodies.items()]
    now, made, staged = world.clock.now, clock.identifiers(), (world.staged, world.staged_alone)
    return pickle.dumps((now, made, bucket, vars(world.glue), world.contents, staged, known))


def _put_into(world: World, state: bytes) -> None:
    world.clock.now, made, bucket, glue, world.contents, staged, known = pickle.loads(state)
    world.staged, world.staged_alone = staged
    clock.identify_after(made)
    vars(world.bucket).update(bucket)
    vars(world.glue).update(glue)
    for key, etag, body in known:
        world.lake.store.memory.keep(key, etag, body)
