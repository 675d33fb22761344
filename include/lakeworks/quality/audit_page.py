"""Audit report as an HTML page for people, and as JSON for programs.

Values and column names are not trusted: the template escapes each, the page has no script, and its content-security
policy allows none. The page loads no other file, so it looks the same from a private bucket.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from lakeworks.quality.check_results import results_of
from lakeworks.quality.findings import AuditReport

_FOLDER = Path(__file__).parent


def to_html(
    report: AuditReport, facts: Mapping[str, str] | None = None, commands: Mapping[str, str] | None = None
) -> str:
    """Render a report, the verdict first.

    Args:
        report: the findings.
        facts: named facts of the run that was audited (`period`, `run`, …), in the order to show them.
        commands: commands a reader may want to type next, by what each shows.
    """
    warned = sum(failure.severity == "warn" for failure in report.failures)
    verdict = "Audit failed" if not report.passed else "Audit passed with warnings" if warned else "Audit passed"
    style = _style()
    return page_template().render(
        report=report,
        verdict=verdict,
        verdict_class="failed" if not report.passed else "warned" if warned else "passed",
        summary=_summary(report),
        facts=dict(facts or {}),
        commands=dict(commands or {}),
        checks=results_of(report),
        style=style,
        style_hash=f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}",
    )


def _summary(report: AuditReport) -> str:
    """Return the counts in words, and the meaning of the verdict for readers."""
    failed = sum(failure.severity == "error" for failure in report.failures)
    counts = f"{report.rows:,} rows, {report.evaluated} checks, {failed} failed, {len(report.failures) - failed} warned"
    after = "These rows may be published." if report.passed else "Nothing was published; live data is unchanged."
    return f"{counts}, in {report.seconds:.1f} s. {after}"


@cache
def page_template() -> Template:
    """Return the compiled template. Call it once before a process forks, so that every child has it."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["spoken"] = _spoken
    return environment.get_template("audit_page.html")


@cache
def _style() -> str:
    return (_FOLDER / "audit_page.css").read_text()


def _spoken(expectation: str) -> str:
    """Return the name of an expectation in plain words."""
    return expectation.removeprefix("expect_").replace("_", " ")


def to_json(report: AuditReport) -> str:
    """Return the complete GX result, with lakeworks' summary."""
    results: list[Any] = [page.to_json_dict() for page in report.pages]
    summary = {"table": report.table, **report.summary(), "seconds": round(report.seconds, 3), "results": results}
    return json.dumps({**summary, "failures": [str(failure) for failure in report.failures]}, indent=1, default=str)
