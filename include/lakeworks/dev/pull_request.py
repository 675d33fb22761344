"""Examination of a project's change: check, examples, plan, build in a dev lake over a bounded range, comparison with live."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lakeworks.authoring.example_engines import engines_at_hand
from lakeworks.authoring.table_check import project_problems
from lakeworks.branches.document import DevDocument, DevRegister
from lakeworks.changes.costs import estimate
from lakeworks.changes.plans import change_plan
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.dev.building import build
from lakeworks.dev.closing import drop
from lakeworks.dev.comparison import compare
from lakeworks.dev.opening import DevRequest, open_dev_lake
from lakeworks.dev.report import markdown, markdown_table
from lakeworks.dev.scope import scope_of
from lakeworks.errors import ConfigError, LakeAccessDenied, TerminalError
from lakeworks.lake import Lake
from lakeworks.prices import PriceBook
from lakeworks.s3.dev_branch import dev_name_of_branch
from lakeworks.transform.examples import read_examples

# Variables of the branch of a pull request: GitHub Actions, GitLab, and pushes of either.
_BRANCH = ("GITHUB_HEAD_REF", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME")


@dataclass(frozen=True)
class Examination:
    """The outcome: one text of Markdown, and True if nothing speaks against the change."""

    passed: bool
    text: str


def branch_name(environment: Mapping[str, str] = os.environ, folder: Path | None = None) -> str:
    """Return the dev lake's name for this change: from CI's variables, else from the branch that Git has checked out.

    Raises:
        ConfigError: neither names a branch.
    """
    for variable in _BRANCH:
        if branch := environment.get(variable):
            return dev_name_of_branch(branch)
    command = ["git", "rev-parse", "--abbrev-ref", "HEAD"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=folder)
    branch = done.stdout.decode(errors="replace").strip()
    if done.returncode or branch in ("", "HEAD"):
        raise ConfigError(
            "No branch is checked out, and CI names none. Nothing was run. Name the dev lake: --dev-name fix-42"
        )
    return dev_name_of_branch(branch)


def examine(
    connect: Callable[[], Lake],
    request: DevRequest,
    on_step: Callable[[str], object] = lambda _: None,
    book: PriceBook | None = None,
    region: str = "",
) -> Examination:
    """Examine the project. What fails without a lake stops the examination before the lake is asked.

    The plan is in dollars if a price book is given.

    Raises:
        ConfigError: the dev lake's name or range is wrong, or a promotion of it has not ended.
        TransientError: the lake does not answer; run again.
    """
    on_step("check")
    _, problems, _ = project_problems(None, dags=True)
    if problems:
        return _failed("Check", [str(problem) for problem in problems])
    on_step("test")
    if failed := _failed_examples():
        return _failed("Examples", failed)
    on_step("plan")
    lake, contracts = connect(), [load_contract(name) for name in all_tables()]
    sections = ["## Lakeworks: passed", "", "Check and examples hold.", "", *_plan(lake, contracts, book, region)]
    document = _reopened(lake, contracts, request)
    if not scope_of(lake, document, contracts):
        drop(lake, document.name)
        return Examination(passed=True, text="\n".join([*sections, "Nothing has to be built in this range.", ""]))
    on_step("build")
    try:
        for _ in build(lake, document, contracts):
            pass
    except TerminalError as error:
        if isinstance(error, ConfigError | LakeAccessDenied):
            raise
        return _failed("Build", [str(error)])
    on_step("diff")
    text = markdown(document, list(compare(lake, document, contracts)))
    return Examination(passed=True, text="\n".join([*sections, text]))


def _reopened(lake: Lake, contracts: Sequence[Contract], request: DevRequest) -> DevDocument:
    """Open the change's dev lake. One of an earlier commit is removed first."""
    if request.name in DevRegister(lake.store).documents.names():
        drop(lake, request.name)
    return open_dev_lake(lake, contracts, request)


def _failed_examples() -> list[str]:
    """Return the differences of examples that do not hold on DuckDB, which builds the tables."""
    lines: list[str] = []
    with TemporaryDirectory() as scratch, engines_at_hand(Path(scratch), "duckdb") as (engines, _):
        for table in all_tables():
            for example in read_examples(load_contract(table)):
                for engine in engines:
                    lines += [f"{table}: {example.name}: {line}" for line in engine.differences(example) or ()]
    return lines


def _plan(lake: Lake, contracts: Sequence[Contract], book: PriceBook | None, region: str) -> list[str]:
    plans = change_plan(lake, contracts)
    if not plans:
        return ["The project's code is the code that published every partition.", ""]
    rows = []
    for item in plans:
        cost = estimate(lake, item, book, region)
        changes = "; ".join(f"{change.kind} {change.column or '(rows)'}" for change in item.changes)
        minutes = "?" if cost.seconds is None else f"{cost.seconds / 60:.1f}"
        rows.append({
            "table": item.contract.name, "change": changes or "follows", "build": cost.partitions, "keep": item.kept,
            "minutes": minutes, "usd": "; ".join(filter(None, (_dollars(cost.usd), cost.unpriced))),
        })  # fmt: skip
    return ["### Plan for all that is published", "", *markdown_table(rows), ""]


def _dollars(usd: float | None) -> str:
    """Return a price in cents. What no run recorded, or the price book lacks, is `?`."""
    if usd is None:
        return "?"
    return "under 0.01" if 0 < usd < 0.01 else f"{usd:,.2f}"


def _failed(step: str, lines: Sequence[str]) -> Examination:
    listed = [f"    {line}" for text in lines for line in text.splitlines()]
    return Examination(passed=False, text="\n".join([f"## Lakeworks: {step.lower()} failed", "", *listed, ""]))
