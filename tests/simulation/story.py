"""A history in words: one line a request, with what it changed for each kind of reader."""

from collections.abc import Iterator
from typing import Any

from tests.simulation.history import History, Outcome, Step
from tests.simulation.shrink import shrunk

_FATES = {
    "go": "",
    "die": " (never sent: the process is killed)",
    "die after": " (takes effect, and the process is killed)",
    "die late": " (under way, and the process is killed)",
    "twice": " (takes effect, the answer is lost, the client asks again)",
    "copy": " (takes effect, and a copy of it is still under way)",
}


def story_of(outcome: Outcome) -> str:
    """The story of a failing history, in its shortest form."""
    short = shrunk(outcome)
    again = History(short.scenario, short.decisions, tell=True).play()
    assert again.violation
    lines = [
        f"seed {outcome.scenario.seed}: {again.violation}",
        f"layout {short.scenario.layout}, {short.scenario.days} days, {short.scenario.past} publications before",
        *(f"  {actor.name}: {actor.kind} of days {[day + 1 for day in actor.days]}" for actor in short.scenario.actors),
        *_lines(again.steps),
        f"=> {again.violation}",
    ]
    return "\n".join(lines)


def _lines(steps: list[Step]) -> Iterator[str]:
    shown: dict[str, str] = {}
    skipped: dict[str, list[str]] = {}
    for step in steps:
        changed = {name: number for name, number in step.numbers.items() if shown.get(name, "0") != number}
        shown |= step.numbers
        is_quiet = step.operation.startswith(("get_", "list_", "head_", "batch_get", "sleep")) and step.fate == "go"
        if is_quiet:
            skipped.setdefault(step.process, []).append(_request(step))
            continue
        for name in [step.process] if step.process in skipped else []:
            yield f"  {name} reads: {'; '.join(skipped.pop(name)[-4:])}"
        outcome = f" -> {step.outcome}" if step.outcome else ""
        seen = "".join(f"; {name} is read {number}" for name, number in changed.items())
        yield f"  {step.process}: {_request(step)}{_FATES[step.fate]}{outcome}{seen}"
    for name, requests in skipped.items():
        yield f"  {name} reads: {'; '.join(requests[-4:])}"


def _request(step: Step) -> str:
    given: dict[str, Any] = step.arguments
    key = (
        str(given.get("Key") or given.get("Prefix") or "")
        .replace("silver/lake/days", "…")
        .replace("year=2026/month=01/", "")
    )
    if "Delete" in given:
        key = ", ".join(item["Key"] for item in given["Delete"]["Objects"]).replace("silver/lake/days", "…")
    if any(name in given for name in ("PartitionInputList", "Entries", "PartitionsToDelete", "PartitionsToGet")):
        key = ", ".join(_partitions(given))
    metadata = given.get("Metadata") or {}
    number = f" as publication {metadata['lakeworks-seq']}" if "lakeworks-seq" in metadata else ""
    state = _state(given)
    condition = (
        " if absent" if given.get("IfNoneMatch") else f" if {given['IfMatch'][:7]}" if given.get("IfMatch") else ""
    )
    version = f" version {given['VersionId']}" if given.get("VersionId") else ""
    return f"{step.operation} {key}{version}{number}{state}{condition}".replace("_", " ").strip()


def _state(given: dict[str, Any]) -> str:
    body = given.get("Body")
    if not isinstance(body, bytes) or not str(given.get("Key", "")).startswith("_ledger"):
        return ""
    text = body.decode()
    return next(
        (
            f" ({word})"
            for word in ("publishing", "published", "unchanged", "abandoned")
            if f'"state": "{word}"' in text
        ),
        "",
    )


def _partitions(given: dict[str, Any]) -> Iterator[str]:
    for name in ("PartitionInputList", "Entries", "PartitionsToDelete", "PartitionsToGet"):
        for item in given.get(name, ()):
            content = item.get("PartitionInput", item)
            number = content.get("Parameters", {}).get("lakeworks.publication", "")
            yield f"{'-'.join(content['Values'])}" + (f" as publication {number}" if number else "")
