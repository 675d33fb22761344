"""The tables."""

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
    """One case as Markdown, fastest first; a ratio is the median of the rounds' ratios."""
    done = {name: samples for name, samples in found.items() if samples.runs and not samples.failed}
    rounds = max((len(samples.runs) for samples in done.values()), default=0)
    about = [f"{rows:,} rows"] if rows else []
    about += [_ENDPOINTS[case.endpoint], "one round" if rounds == 1 else f"{rounds} interleaved rounds"]
    lines = [f"### {case.title}", "", f"{', '.join(about)}.", "", *(_phases(done) or _compared(case, done))]
    lines += [f"| {name} | - | | | | {samples.failed} |" for name, samples in found.items() if samples.failed]
    return "\n".join([*lines, ""])


def _compared(case: Case, done: Mapping[str, Samples]) -> list[str]:
    lines = ["| | seconds: median (least) | times ours | CPU s | peak MB | |", "| --- | --- | --- | --- | --- | --- |"]
    ours = done.get(case.ours)
    for name in sorted(done, key=lambda item: done[item].middle("seconds")):
        samples = done[name]
        least = min(run["seconds"] for run in samples.runs)
        ratio = f"{_ratio(samples, ours):.2f}" if ours else ""
        shown = f"**{name}**" if name == case.ours else name
        lines.append(
            f"| {shown} | {samples.middle('seconds'):.2f} ({least:.2f}) | {ratio} | {samples.middle('cpu'):.2f} "
            f"| {samples.middle('peak_mb'):,.0f} | {case.entries[name].note} |"
        )
    return lines


def _phases(done: Mapping[str, Samples]) -> list[str]:
    """A sample that timed its own steps: a line each."""
    steps = {
        name: [run["facts"]["phases"] for run in samples.runs if "phases" in run["facts"]]
        for name, samples in done.items()
    }
    lines = []
    for samples in filter(None, steps.values()):
        lines += ["| step | seconds: median (least) | share of the write |", "| --- | --- | --- |"]
        for name in samples[0]:
            taken, base = [one[name] for one in samples], f"write{name[name.index(' ') :]}"
            share = median(one[name] / one[base] for one in samples)
            lines.append(f"| {name} | {median(taken):.2f} ({min(taken):.2f}) | {share:.2f} |")
    return lines


def _ratio(one: Samples, other: Samples) -> float:
    pairs = zip(one.runs, other.runs, strict=False)
    return median(mine["seconds"] / theirs["seconds"] for mine, theirs in pairs)


def page(results: Sequence[Result], old: str) -> str:
    """A page with every case's table between the two marks; the words around them are written by people."""
    tables = "\n".join(table(case, found, rows) for case, found, rows in results)
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables}\n{END}{after}"
