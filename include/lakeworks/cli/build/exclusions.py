"""`lakeworks plan exclusions|lift`: ranges that plans of changed code and backfills leave out."""

from getpass import getuser
from typing import Annotated

import typer

from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import load_contract
from lakeworks.core.names import TableName
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.status.exclusions import Exclusion, ExclusionRegister, parse_exclusion

RangeArgument = Annotated[
    str, typer.Argument(help="<table>:<range>, e.g. silver.transport.trips:2019-01..2019-06", show_default=False)
]


def list_exclusions(as_json: AsJson = False) -> None:
    """List the ranges that plans leave out, with their reasons."""
    with waiting("Reading exclusions"):
        rows = [item.as_dict() for item in ExclusionRegister(connect().store).all()]
    emit(rows, as_json=as_json, title="Excluded from plans and backfills")


def lift_exclusion(excluded: RangeArgument) -> None:
    """Let plans build an excluded range again.

    Starts nothing.
    """
    table, span = parse_exclusion(excluded)
    with waiting("Lifting the exclusion"):
        lifted = ExclusionRegister(connect().store).lift(table, span)
    say(f"lifted: {lifted.table}:{lifted.range}, {lifted.why}. Plan it: lakeworks plan {lifted.table}")


def exclude(lake: Lake, ranges: list[str], reason: str | None) -> list[Exclusion]:
    """Keep ranges as excluded and return them; all are read before the first is written.

    Raises:
        ConfigError: there is no reason, a text names no range, or a range is excluded already.
        PartitionKeyError: a range is none.
    """
    if not (reason or "").strip():
        raise ConfigError(
            "An excluded range needs a reason for those who find it later. Nothing was excluded. Add --reason TEXT."
        )
    made = []
    for text in ranges:
        table, span = parse_exclusion(text)
        name = load_contract(str(TableName.parse(table))).name
        made.append(Exclusion.of(name, span, str(reason).strip(), getuser(), lake.store.now()))
    for exclusion in made:
        ExclusionRegister(lake.store).add(exclusion)
    return made
