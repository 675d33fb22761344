"""Drawing a history: which processes there are, in which phases, and how roughly they are treated. A seed gives one scenario."""

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

Kind = Literal[
    "writer", "unaudited writer", "schema writer", "newer release", "roll-forward", "repair", "catalog repair", "compact",
    "rollback", "withdraw", "replay", "gc", "verify", "reader", "twin writer", "vandal", "night",
    "dropper", "fetch", "settle", "confirming writer", "dev lake", "dev build", "promoter", "reader of dev lakes", "release", "hold", "reader of releases",
]  # fmt: skip
Stops = Literal["writes", "writes and settling's looks", "numbers of a promotion"]
HOURS, NIGHT = timedelta(hours=1), timedelta(hours=26)


@dataclass(frozen=True)
class Actor:
    """A process: what it does, on which days; `number` is that of a writer's run and of its rows."""

    name: str
    kind: Kind
    number: int = 0
    days: tuple[int, ...] = (0,)
    rows: int = 0  # the run whose rows it has: its own, or an earlier one's
    skew: timedelta = timedelta()
    after: str = ""


@dataclass(frozen=True)
class Phase:
    """Processes of one time; `then` is how long it takes until the next phase."""

    actors: tuple[Actor, ...]
    then: timedelta = timedelta()


@dataclass(frozen=True)
class Scenario:
    """Everything about a history that is not a scheduling decision."""

    seed: int
    layout: Literal["plain", "versioned"] = "plain"
    past: int = 1  # publications of every day before the history begins
    days: int = 1
    parts: int = 1
    phases: tuple[Phase, ...] = ()
    pace: float = 0.3  # how often another process goes on
    kills: int = 0
    strange: int = 0  # requests that are late, sent twice or copied
    freezes: int = 0
    stops: Stops = "writes"  # where a process stops until the others cannot continue
    in_parts: bool = False  # objects are so large that they are copied in parts
    next_run: bool = False  # a run follows at once, before a month passes
    damage: str = ""  # what a person does to live objects with the AWS command line, before a repair
    expires: int = 0  # the table's retention, in days
    archived: int = 0  # days after which its objects are moved to an archive

    @property
    def actors(self) -> list[Actor]:
        """The processes of all phases."""
        return [actor for phase in self.phases for actor in phase.actors]

    def without(self, name: str) -> "Scenario":
        """The scenario with one process less; what waited for it waits no more."""
        phases = []
        for phase in self.phases:
            actors = (replace(item, after="" if item.after == name else item.after) for item in phase.actors)
            phases.append(replace(phase, actors=tuple(item for item in actors if item.name != name)))
        return replace(self, phases=tuple(phases))


@dataclass
class _Draw:
    chance: random.Random
    layout: Literal["plain", "versioned"]
    days: int
    number: int
    past: int
    names: dict[str, int] = field(default_factory=dict)

    def actor(self, kind: Kind) -> Actor:
        """One process of a kind."""
        count = self.names[kind] = self.names.get(kind, 0) + 1
        name = kind if count == 1 else f"{kind} {count}"
        day = self.chance.randrange(self.days)
        if kind in ("dropper", "fetch"):
            return Actor(name, kind, self.chance.randrange(2) if kind == "dropper" else count)
        if "writer" in kind or kind in ("newer release", "replay", "dev lake", "dev build"):
            self.number += 1
            days = tuple(range(self.days)) if self.chance.random() < 0.6 else (day,)
            rows = self.chance.randrange(1, self.number + 1) if self.chance.random() < 0.2 else self.number
            if kind == "confirming writer":  # rows that were live when the history began
                days, rows = tuple(range(self.days)), self.past or self.number
            name = f"{kind} {self.number}"
            # a run that began earlier than one before it, seldom: it is fenced
            return Actor(name, kind, self.number, days, rows)
        skew = (
            timedelta(hours=self.chance.choice([0, 0, 0, -30, 30]))
            if kind in ("rollback", "withdraw", "gc")
            else timedelta()
        )
        return Actor(name, kind, days=(day,), skew=skew)


_BESIDE: tuple[tuple[Kind, int], ...] = (
    ("writer", 10), ("unaudited writer", 1), ("schema writer", 2), ("newer release", 1), ("roll-forward", 1), ("repair", 4),
    ("catalog repair", 2), ("compact", 2), ("rollback", 4), ("withdraw", 3), ("replay", 1), ("gc", 2), ("verify", 1), ("reader", 2),
    ("vandal", 1), ("night", 2),
)  # fmt: skip


# What is drawn in the first and in later phases of histories that are about one thing.
_THEMES: dict[str, tuple[tuple[Kind, ...], tuple[Kind, ...]]] = {
    "withdrawals": (("writer", "withdraw", "withdraw", "rollback", "repair", "replay"),) * 2,
    "repairs": (("writer", "writer", "repair", "rollback", "compact"),) * 2,
    "settling": (("writer", "writer", "settle", "settle"),) * 2,
    "confirmations": (("confirming writer", "writer", "confirming writer", "rollback"),) * 2,
    "twins": (("twin writer",), ("twin writer", "writer")),
    "collection": (
        ("writer", "schema writer", "rollback", "compact"),
        ("gc", "gc", "rollback", "writer", "reader", "night"),
    ),
    "runs": (
        ("writer", "writer", "reader", "reader"),
        ("gc", "night", "compact", "reader", "roll-forward", "replay", "confirming writer"),
    ),
}
_THEMES |= {
    "promotions": (
        ("dev build", "rollback", "dev lake"),
        ("replay", "roll-forward", "settle", "repair", "confirming writer", "night"),
    ),
    "dev lakes": (
        ("dev lake", "dev lake", "writer", "rollback", "gc", "confirming writer"),
        (
            "dev lake",
            "dev build",
            "promoter",
            "reader of dev lakes",
            "reader of dev lakes",
            "gc",
            "night",
            "writer",
            "withdraw",
        ),
    ),
    "releases": (
        ("release", "release", "writer", "gc", "rollback", "hold"),
        ("hold", "gc", "night", "reader of releases", "writer", "compact", "withdraw"),
    ),
}
# Drawn where they are asked for: of several days each, or of certain seeds in every campaign.
_THEMES["late settling"] = _THEMES["settling"]
_THEMES["interrupted promotions"] = _THEMES["promotions"]
_ASKED_FOR = ("runs", "promotions", "dev lakes", "releases", "late settling", "interrupted promotions")
_STOPS_OF_THEMES: dict[str, Stops] = {
    "late settling": "writes and settling's looks",
    "interrupted promotions": "numbers of a promotion",
}
_OF_SEEDS = {7: "dev lakes", 17: "releases"}


def draw(seed: int, without: frozenset[str] = frozenset(), about: str = "") -> Scenario:
    """Draw the scenario of a seed; processes of the kinds `without` are left out. `about` names a theme: all are about it."""
    chance = random.Random(seed)
    layout: Literal["plain", "versioned"] = chance.choice(("plain", "plain", "versioned"))
    days = chance.choice((1, 1, 1, 1, 2, 3))
    past = chance.choice((0, 1, 1, 2))
    make = _Draw(chance, layout, days, past, past)
    kinds, weights = zip(*(item for item in _BESIDE if item[0] not in without), strict=True)
    expires = chance.choice((45, 90)) if chance.random() < 0.12 else 0
    archived = 40 if chance.random() < 0.08 else 0
    long = (HOURS, NIGHT, timedelta(days=30), timedelta(days=50)) if expires or archived else (HOURS, NIGHT)
    drawn = chance.choice([*(name for name in _THEMES if name not in _ASKED_FOR), *[""] * 7])
    theme = about or ("" if without else _OF_SEEDS.get(seed % 20, "")) or drawn
    if theme in ("runs", "promotions", "interrupted promotions"):
        days = make.days = chance.choice((2, 3))
    if theme == "collection":
        layout, past, make.layout = "versioned", 2, "versioned"
    if theme in _OF_SEEDS.values() and seed // 20 % 2:
        layout = make.layout = "versioned"
    phases = []
    for number in range(2 if theme in ("collection", *_ASKED_FOR) else chance.choice((1, 1, 2))):
        chosen: list[Kind] = ["writer"] if number == 0 and theme != "interrupted promotions" else []
        among = _THEMES[theme][number % 2] if theme else ()
        chosen += chance.choices(among or kinds, None if among else weights, k=chance.choice((1, 2, 2, 3)))
        if number == 0 and theme in _OF_SEEDS.values():
            chosen += [theme.removesuffix("s")]  # type: ignore[list-item]
        if theme == "promotions":
            chosen += ("promoter", "replay", "roll-forward") if number else ("dev build",)
        if theme == "interrupted promotions":
            chosen = ["promoter", "roll-forward", "writer"] if number else ["dev build"]
        if number == 0 and not theme and chance.random() < 0.08 and "dropper" not in without:
            chosen = ["dropper", "fetch", "fetch"]
        if number == 0 and chance.random() < 0.03 and "twin writer" not in without:
            chosen += ["twin writer", "twin writer"]
        phases.append(Phase(tuple(make.actor(kind) for kind in chosen), NIGHT if theme else chance.choice(long)))
    rough = chance.random() < 0.6 and theme != "interrupted promotions"
    return Scenario(
        seed, layout, past, days,
        parts=chance.choice((1, 2)) if layout == "versioned" else 1,
        phases=tuple(phases),
        pace=chance.choice((0.05, 0.15, 0.3, 0.6)),
        kills=chance.choice((0, 1, 1, 2)) if rough else 0,
        strange=chance.choice((0, 1, 2)) if rough else 0,
        freezes=chance.choice((2, 3) if theme == "interrupted promotions" else (0, 1, 2, 3)),
        stops=_STOPS_OF_THEMES.get(theme, "writes"),
        in_parts=chance.random() < 0.15,
        next_run=chance.random() < 0.4,
        damage=chance.choice(("", "", "", "deleted", "overwritten", "copied onto itself")),
        expires=expires,
        archived=archived if archived < (expires or 99) else 0,
    )  # fmt: skip
