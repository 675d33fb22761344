"""Arguments and options that several commands share, with help text and completion."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lakeworks.contract import Contract
    from lakeworks.core.partition import Partition
    from lakeworks.lake import Lake


def table_names(incomplete: str) -> list[str]:
    """Return the tables whose names begin so, for the shell's completion."""
    from lakeworks.contract import all_tables

    return [name for name in all_tables() if name.startswith(incomplete)]


TABLE = "<layer>.<domain>.<table>"
PARTITION = "2019-01-05, or a path like year=2019/month=01/day=05"

TableArgument = Annotated[str, typer.Argument(help=TABLE, show_default=False, autocompletion=table_names)]
OptionalTable = Annotated[
    str | None, typer.Argument(help=f"{TABLE}; default: every table", show_default=False, autocompletion=table_names)
]
PartitionArgument = Annotated[str, typer.Argument(help=PARTITION, show_default=False)]
OptionalPartition = Annotated[str | None, typer.Argument(help=PARTITION, show_default=False)]
PeriodArgument = Annotated[str, typer.Argument(help="2019-01, 2019-01-05 or 2019-01-05T03", show_default=False)]
First = Annotated[str | None, typer.Option("--from", help="first month, day or hour, e.g. 2019-01", show_default=False)]
Last = Annotated[str | None, typer.Option("--to", help="last month, day or hour, included", show_default=False)]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="rows live at a moment: 2026-01-05 (its end) or 2026-01-05T06:00, UTC", show_default=False
    ),
]
AfterRun = Annotated[
    str | None, typer.Option("--run", help="rows live when this run had published its partitions", show_default=False)
]
OfRelease = Annotated[str | None, typer.Option("--release", help="rows of a named release", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")]
IncludePersonal = Annotated[
    bool, typer.Option("--include-personal", help="With columns of personal data or classified above internal.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def find_partition(lake: "Lake", contract: "Contract", text: str) -> "Partition":
    """Return the typed partition, even one that the contract no longer allows, if the ledger has it.

    Raises:
        PartitionKeyError: the table can have no such partition.
    """
    return lake.find_partition(contract, text)
