"""The tables."""

import re
from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.case import Case
from benchmarks.rounds import Samples

BEGIN, END = "<!-- made by make bench -->", "<!-- end -->"
_ENDPOINTS = {
    "": "no endpoint", "glue": "a stand-in for Glue (`benchmarks/glue.py`)", "moto": "moto",
    "seaweed": "SeaweedFS on the same two cores", "ministack": "ministack on the same two cores",
}  # fmt: skip
Result = tuple[Case, Mapping[str, Samples], int]


def table(case: Case, found: Mapping[str, Samples], rows: int) -> str:
    """One case as Markdown, least CPU time first; a ratio is the median of the rounds' ratios."""
    done = {name: samples for name, samples in found.items() if samples.runs and not samples.failed}
    about = [f"{rows:,} rows"] if rows else []
    about += [_ENDPOINTS[case.endpoint], "interleaved rounds"]
    lines = [f"### {case.title}", "", f"{', '.join(about)}.", "", *(_phases(done) or _compared(case, done))]
    lines += [f"| {name} | - | | | | | | {samples.failed} |" for name, samples in found.items() if samples.failed]
    return "\n".join([*lines, ""])


def _compared(case: Case, done: Mapping[str, Samples]) -> list[str]:
    lines = [
        "| | rounds | seconds: median (least) | times ours | CPU s | times ours | peak MB | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    ours = done.get(case.ours)
    for name in sorted(done, key=lambda item: done[item].middle("cpu")):
        samples = done[name]
        least = min(run["seconds"] for run in samples.runs)
        shown = f"**{name}**" if name == case.ours else name
        note = case.entries[name].note if name in case.entries else ""
        lines.append(
            f"| {shown} | {len(samples.runs)} | {samples.middle('seconds'):.2f} ({least:.2f}) "
            f"| {_ratio(samples, ours, 'seconds')} | {samples.middle('cpu'):.2f} | {_ratio(samples, ours, 'cpu')} "
            f"| {samples.middle('peak_mb'):,.0f} | {note} |"
        )
    return lines


def _phases(done: Mapping[str, Samples]) -> list[str]:
    """A sample that timed its own steps: a line each."""
    steps = {name: [run["facts"] for run in samples.runs if "phases" in run["facts"]] for name, samples in done.items()}
    lines = []
    for samples in filter(None, steps.values()):
        lines += ["| step | seconds: median (least) | share of the write | peak MB |", "| --- | --- | --- | --- |"]
        for name in samples[0]["phases"]:
            taken, base = [one["phases"][name] for one in samples], f"write{name[name.index(' ') :]}"
            share = median(one["phases"][name] / one["phases"][base] for one in samples)
            peak = max(one["peaks"][name] for one in samples)
            lines.append(f"| {name} | {median(taken):.2f} ({min(taken):.2f}) | {share:.2f} | {peak:,.0f} |")
    return lines


def _ratio(one: Samples, ours: Samples | None, name: str) -> str:
    """The median of the ratios of the rounds both ran in."""
    base = {run["round"]: run[name] for run in ours.runs} if ours else {}
    ratios = [run[name] / base[run["round"]] for run in one.runs if base.get(run["round"])]
    return f"{median(ratios):.2f}" if ratios else ""


def page(results: Sequence[Result], old: str) -> str:
    """A page with every case's table between the two marks; the words around them are written by people.

    A table of a case that was not measured here stays as it is.
    """
    before, _, rest = old.partition(BEGIN)
    middle, _, after = rest.partition(END)
    measured = {f"### {case.title}": table(case, found, rows) for case, found, rows in results}
    known = [part for part in re.split(r"^(?=### )", middle, flags=re.MULTILINE) if part.startswith("### ")]
    kept = [measured.pop(part.partition("\n")[0], part.strip() + "\n") for part in known]
    tables = "\n".join([*kept, *measured.values()])
    return f"{before}{BEGIN}\n\n{tables}\n{END}{after}"
