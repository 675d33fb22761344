"""`lakeworks docs site` and `docs day`: static pages of the lake."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lakeworks.cli.connection import client, connect
from lakeworks.cli.output import say
from lakeworks.cli.progress import waiting
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.site.day_facts import day_page
from lakeworks.site.destination import write_pages
from lakeworks.site.pages import INDEX, site_pages
from lakeworks.site.table_facts import read_site

OutOption = Annotated[str, typer.Option("--out", help="Folder, or s3://bucket/prefix, to write to.")]
ContractsOnly = Annotated[
    bool, typer.Option("--contracts-only", help="Read no lake: contracts, lineage and SQL alone.")
]


def write_site(out: OutOption = "site", contracts_only: ContractsOnly = False) -> None:
    """Write one static site of contracts, lineage, statistics, publications and audits.

    Any web server can host it, or none: open index.html. The search needs no server. Values of protected columns are withheld.
    """
    lake = None if contracts_only else connect()
    with waiting("Reading the lake"):
        site = read_site(lake, datetime.now(UTC))
    with waiting(f"Writing {out}"):
        written = write_pages(site_pages(site), out, _s3_for(out), _buckets(lake))
    say(f"wrote {written} pages to {out}; begin with {out.rstrip('/')}/{INDEX}")
    for text in site.wrong:
        say(text, to_stderr=True)
    if site.wrong:
        raise typer.Exit(1)


def write_day(
    domain: Annotated[str, typer.Argument(help="the domain, e.g. transport", show_default=False)],
    day: Annotated[str, typer.Argument(help="2019-01-05; a month or an hour too", show_default=False)],
    out: OutOption = "site",
) -> None:
    """Write one page about a domain's day: partitions, audits, quarantined rows, the verdict first."""
    lake = connect()
    with waiting(f"Reading {domain} {day}"):
        page = day_page(lake, domain, Period.parse(day), datetime.now(UTC))
    path = f"days/{domain}-{day}.html"
    write_pages([(path, page)], out, _s3_for(out), _buckets(lake))
    say(f"wrote {out.rstrip('/')}/{path}")


def _s3_for(out: str) -> Any:
    return client("s3") if out.startswith("s3://") else None


def _buckets(lake: Lake | None) -> list[str]:
    return [lake.store.bucket, *lake.store.layers.by_layer.values()] if lake else []
