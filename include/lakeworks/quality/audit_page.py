"""An audit as a page a person can open: Great Expectations' own Data Docs, readable without any network."""

import json
import re
from functools import cache
from typing import Any

from lakeworks.quality.findings import AuditReport

# Data Docs load styles and scripts from half a dozen public hosts; the page has to read well from a private bucket.
_REMOTE = re.compile(r"<(script|link|img)\b[^>]*(?:src|href)=\"https?://[^\"]*\"[^>]*>(?:\s*</script>)?")
_REMOTE_IMAGE = re.compile(r"url\(['\"]?https?://[^)]*\)")
_STYLE = """<style>body{font-family:system-ui,sans-serif;margin:2rem;color:#222}table{border-collapse:collapse;margin:1rem 0}
td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top}nav,img{display:none}</style>"""


def to_html(report: AuditReport) -> str:
    """The Data Docs pages of a report, one after the other."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer

    renderer, view = ValidationResultsPageRenderer(), _view()
    pages = [str(view.render(renderer.render(page))) for page in report.pages]
    local = (_REMOTE_IMAGE.sub("none", _REMOTE.sub("", page)) for page in pages)
    return "\n<hr>\n".join(page.replace("</head>", f"{_STYLE}</head>") for page in local)


def compile_templates() -> None:
    """Compile GX's templates now, for every process that is forked from this one."""
    environment = _view().env
    for name in environment.list_templates():
        environment.get_template(name)


@cache
def _view() -> Any:
    """GX's page, made once: it holds the templates it has compiled, which takes most of the time of a small audit."""
    from great_expectations.render.view import DefaultJinjaPageView

    return DefaultJinjaPageView()


def to_json(report: AuditReport) -> str:
    """The whole result, as GX gives it, with our summary."""
    results: list[Any] = [page.to_json_dict() for page in report.pages]
    found = {"table": report.table, **report.summary(), "seconds": round(report.seconds, 3), "results": results}
    return json.dumps({**found, "failures": [str(failure) for failure in report.failures]}, indent=1, default=str)
