"""The tables."""

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.case import Case
from benchmarks.rounds import Samples

Result = tuple[Case, Mapping[str, Samples], int]


def table(case: Case, found: Mapping[str, Samples], rows: int, rounds: int) -> str:
    """One case as Markdown, fastest first; a ratio is the median of the rounds' ratios."""
    lines = [
        f"### {case.title}",
        "",
        f"{rows:,} rows, endpoint {case.endpoint}, {rounds} rounds.",
        "",
        "| | seconds (median; min) | times ours | CPU s | peak MB | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    done = {name: samples for name, samples in found.items() if samples.runs and not samples.failed}
    for name in sorted(done, key=lambda item: done[item].middle("seconds")):
        samples = done[name]
        ours = done.get(case.ours)
        ratio = f"{_ratio(samples, ours):.2f}" if ours else ""
        fastest = min(run["seconds"] for run in samples.runs)
        shown = f"**{name}**" if name == case.ours else name
        lines.append(
            f"| {shown} | {samples.middle('seconds'):.2f}; {fastest:.2f} | {ratio} | {samples.middle('cpu'):.2f} "
            f"| {samples.middle('peak_mb'):,.0f} | {case.entries[name].note} |"
        )
    lines += [f"| {name} | – | | | | {samples.failed} |" for name, samples in found.items() if samples.failed]
    return "\n".join([*lines, ""])


def _ratio(one: Samples, other: Samples) -> float:
    pairs = zip(one.runs, other.runs, strict=False)
    return median(mine["seconds"] / theirs["seconds"] for mine, theirs in pairs)


def page(results: Sequence[Result], rounds: int) -> str:
    """Every case."""
    return "\n".join(table(case, found, rows, rounds) for case, found, rows in results)
