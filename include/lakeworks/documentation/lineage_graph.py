"""Lineage graph of a domain: tables in columns, each to the right of all its upstream tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, GAP, CHANNEL, MARGIN = 216, 44, 14, 64, 8


@dataclass(frozen=True)
class Node:
    """A table's box, in pixels. A foreign one belongs to another domain."""

    name: str
    x: int
    y: int
    foreign: bool


@dataclass(frozen=True)
class Graph:
    """Boxes, and lines as SVG path data."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[str, ...]


def graph_of(own: Sequence[str], upstreams: Mapping[str, Sequence[str]]) -> Graph:
    """Lay out a domain's tables and the tables of other domains that they are built from."""
    names = list(dict.fromkeys([*(source for name in own for source in upstreams.get(name, ())), *own]))
    inside = {name: [source for source in upstreams.get(name, ()) if name in own] for name in names}
    columns = _columns(names, inside)
    places: dict[str, tuple[int, int]] = {}
    for number, column in enumerate(columns):
        ordered = sorted(column, key=lambda name: (_height_of_inputs(inside[name], places), name))
        for row, name in enumerate(ordered):
            places[name] = MARGIN + number * (WIDTH + CHANNEL), MARGIN + row * (HEIGHT + GAP)
    edges = [_edge(places[source], places[name]) for name in names for source in inside[name]]
    return Graph(
        width=2 * MARGIN + len(columns) * (WIDTH + CHANNEL) - CHANNEL,
        height=2 * MARGIN + max(map(len, columns), default=0) * (HEIGHT + GAP) - GAP,
        nodes=tuple(Node(name, *places[name], name not in own) for name in names),
        edges=tuple(edges),
    )


def _columns(names: Sequence[str], inside: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return tables by the length of the longest path to them. Tables in a cycle, which no project may have, come last."""
    left, columns, placed = list(names), list[list[str]](), set[str]()
    while left:
        column = [name for name in left if set(inside[name]) <= placed] or left
        columns.append(column)
        placed |= set(column)
        left = [name for name in left if name not in placed]
    return columns


def _height_of_inputs(sources: Sequence[str], places: Mapping[str, tuple[int, int]]) -> float:
    known = [places[source][1] for source in sources if source in places]
    return sum(known) / len(known) if known else 0


def _edge(source: tuple[int, int], target: tuple[int, int]) -> str:
    x1, y1, x2, y2 = source[0] + WIDTH, source[1] + HEIGHT // 2, target[0], target[1] + HEIGHT // 2
    bend = max(CHANNEL // 2, (x2 - x1) // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
