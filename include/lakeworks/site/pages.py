"""Pages of the site. What strangers sent is escaped, and a policy forbids every script but the search of the first page.

No page loads another file: each is the same from a folder, from a bucket, or as an attachment.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lakeworks.documentation.lineage_graph import graph_of
from lakeworks.quality.rules import row_rules
from lakeworks.site.table_facts import DocumentedTable, SiteFacts
from lakeworks.status.matrix import MEANINGS

_FOLDER = Path(__file__).parent / "templates"
INDEX, LINEAGE = "index.html", "lineage.html"
_MOST_CHARACTERS = 60


def site_pages(site: SiteFacts) -> Iterator[tuple[str, str]]:
    """Yield the path and text of every page; the first page comes last, so that it never leads to a missing one."""
    for table in site.tables:
        yield page_of(table.contract.name), _table(site, table)
    yield LINEAGE, _render("lineage.html", root="", site=site, graphs=_graphs(site))
    entries = json.dumps(list(_entries(site)), ensure_ascii=True, separators=(",", ":"))
    # `<` would end the element that holds the entries
    safe = Markup(entries.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704
    yield INDEX, _render("index.html", root="", site=site, entries=safe, script=_text("search.js"))


def page_of(name: str) -> str:
    """Return the path of a table's page."""
    return f"tables/{name}.html"


def render_day(**facts: Any) -> str:
    """Render the page of a domain's day."""
    return _render("day.html", root="", **facts)


def _table(site: SiteFacts, table: DocumentedTable) -> str:
    contract = table.contract
    return _render(
        "table.html",
        root="../",
        site=site,
        table=table,
        contract=contract,
        users=site.users(contract.name),
        readers=[other.contract.name for other in site.tables if contract.name in other.upstreams],
        rules=row_rules(contract),
        graph=_neighbours(site, table),
        meanings=MEANINGS,
    )


def _neighbours(site: SiteFacts, table: DocumentedTable) -> Any:
    """Return the graph of a table, the tables it is built from and those that read it."""
    name = table.contract.name
    readers = [other.contract.name for other in site.tables if name in other.upstreams]
    around = [*table.upstreams, name, *readers]
    feeds = {name: list(table.upstreams), **{reader: [name] for reader in readers}}
    return graph_of(around, feeds)


def _graphs(site: SiteFacts) -> dict[str, Any]:
    feeds = {table.contract.name: table.upstreams for table in site.tables}
    return {
        domain: graph_of([table.contract.name for table in tables], feeds) for domain, tables in site.domains.items()
    }


def _entries(site: SiteFacts) -> Iterator[tuple[str, str, str]]:
    """Yield what the search finds: shown text, address, and the searched text."""
    for table in site.tables:
        contract = table.contract
        path = page_of(contract.name)
        yield contract.name, path, " ".join((contract.description, contract.team, *contract.tags))
        for name, column in contract.columns.items():
            yield f"{contract.name}.{name}", f"{path}#c-{name}", column.description


def _render(template: str, **facts: Any) -> str:
    script = facts.get("script", "")
    policy = f"default-src 'none'; style-src '{_hash(_text('site.css'))}'; base-uri 'none'; form-action 'none'"
    policy += f"; script-src '{_hash(script)}'" if script else ""
    return _environment().get_template(template).render(style=Markup(_text("site.css")), policy=policy, **facts)  # noqa: S704


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, size=_size, cut=_cut, moment=_moment, share=_share)
    environment.globals["page_of"] = page_of
    return environment


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _share(value: float | None) -> str:
    return "" if value is None else "0%" if value == 0 else f"{value:.1%}"


def _size(value: float | None) -> str:
    if value is None:
        return ""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1000
    return ""


def _cut(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _moment(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC" if value else ""
