"""`lakeworks restore`: make archived objects of a table readable again."""

from typing import Annotated, cast

import typer

from lakeworks.cli.arguments import AsJson, DryRun, TableArgument
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit
from lakeworks.cli.progress import track
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.core.period_keys import periods_between
from lakeworks.errors import PartitionKeyError
from lakeworks.maintenance.restoration import restore
from lakeworks.prices import load_price_book
from lakeworks.s3.archive import Tier
from lakeworks.settings import current_settings

OptionalPeriod = Annotated[str | None, typer.Argument(help="month, day or hour, e.g. 2019-01; default: everything")]


def restore_period(  # noqa: PLR0913, PLR0917 - each is an option of the command
    table: TableArgument,
    period: OptionalPeriod = None,
    to: Annotated[str | None, typer.Option("--to", help="last period, included", show_default=False)] = None,
    tier: Annotated[str, typer.Option(help="bulk (cheapest), standard or expedited")] = "bulk",
    days: Annotated[int, typer.Option(min=1, help="days for which restored copies stay readable")] = 7,
    publication: Annotated[
        int | None, typer.Option(min=1, help="number of an earlier publication, so that it can be rolled back to")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Restore archived objects so that they can be read.

    Run it again to see how far S3 is: `restored` objects can be read until the date shown. In a DAG, RestoreOperator waits.
    """
    lake, contract, book = connect(), load_contract(table), load_price_book(current_settings().price_book)
    chosen = cast("Tier", tier)  # the library refuses an unknown tier
    rows = [
        restore(
            lake, contract, each, book, tier=chosen, days=None if dry_run else days, publication=publication
        ).as_dict()
        for each in track(_periods(period, to), f"Restoring {table}" if not dry_run else f"Reading {table}")
    ]
    emit(rows, as_json=as_json, title="Would restore" if dry_run else "Restores")


def _periods(first: str | None, last: str | None) -> list[Period] | list[None]:
    """Return the periods meant; one None for everything."""
    if first is None:
        if last is not None:
            raise PartitionKeyError("--to needs a first period. Nothing was requested.")
        return [None]
    return periods_between(first, last or first, Period.parse(first).grain)
