"""A dev lake's comparison as Markdown for a pull request, and as a page of one file without script."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lakeworks.branches.document import DevDocument
from lakeworks.dev import shown_change as shown
from lakeworks.dev.comparison import TableChange

# Rows of a list; a pull request takes 65,536 characters.
_MOST = 20
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c2b2a; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #d5e0de; padding: .25rem .75rem; text-align: left; vertical-align: top; }
th { background: #e8f4f2; } td { font-variant-numeric: tabular-nums; }
pre { background: #f4f7f6; padding: .75rem; overflow-x: auto; }
@media (prefers-color-scheme: dark) { body { background: #14201f; color: #dbe7e5; }
th, pre { background: #22322f; } th, td { border-color: #34504b; } }
"""


def markdown(document: DevDocument, changes: Sequence[TableChange]) -> str:
    """Return the comparison as Markdown: the counts of every table first, details folded."""
    lines = [f"### Dev lake `{document.name}` compared with live", ""]
    if not changes:
        return "\n".join([*lines, "It built nothing that differs from live.", ""])
    lines += markdown_table([shown.summary(change) for change in changes])
    for change in changes:
        if details := _details(change):
            lines += ["", "<details>", f"<summary><code>{escape(change.contract.name)}</code></summary>"]
            for title, rows in details.items():
                more = f" (first {_MOST} of {len(rows)})" if len(rows) > _MOST else ""
                lines += ["", f"**{title}**{more}", "", *markdown_table(rows[:_MOST])]
            if change.sql:
                lines += ["", "**SQL**", "", *_fenced(change.sql)]
            lines += ["", "</details>"]
    return "\n".join([*lines, ""])


def page(title: str, changes: Sequence[TableChange], remarks: Sequence[str] = ()) -> str:
    """Return the comparison as one HTML file, the remarks first. Its policy allows no script and no other file."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'\">",
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>",
        *(f"<p>{escape(remark)}</p>" for remark in remarks),
        _html_table([shown.summary(change) for change in changes]) if changes else "<p>It built nothing.</p>",
    ]
    for change in changes:
        parts.append(f"<h2>{escape(change.contract.name)}</h2>")
        for heading, rows in _details(change).items():
            parts.append(f"<h3>{escape(heading)}</h3>{_html_table(rows)}")
        if change.sql:
            parts.append(f"<h3>SQL</h3><pre>{escape(change.sql)}</pre>")
    return "\n".join([*parts, "</body></html>", ""])


def _details(change: TableChange) -> dict[str, list[dict[str, Any]]]:
    details = {"Columns": shown.columns(change), "Partitions": shown.partitions(change), "Rows": shown.samples(change)}
    return {title: rows for title, rows in details.items() if rows}


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return rows as the lines of a Markdown table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f"| {' | '.join(map(_cell, names))} |", f"| {' | '.join('---' for _ in names)} |"]
    return lines + [f"| {' | '.join(_cell(row.get(name)) for name in names)} |" for row in rows]


def _fenced(text: str) -> list[str]:
    """Return a text as a block of code. Its fence is longer than any in the text."""
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}diff", *text.splitlines(), fence]


def _cell(value: Any) -> str:
    """Return a value as a cell that cannot end the table, nor become markup."""
    text = escape(_text(value), quote=False).replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`")
    return " ".join(text.split()).replace("*", "\\*").replace("_", "\\_").replace("[", "\\[").replace("@", "&#64;")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {item}" for name, item in value.items())
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _html_table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{escape(_text(row.get(name)))}</td>' for name in names)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
