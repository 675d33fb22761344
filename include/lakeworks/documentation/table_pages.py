"""A table's documentation page, generated from its contract and SQL."""

from collections.abc import Iterable, Sequence
from itertools import starmap

from lakeworks.contract import Column, Contract, InputRule, RowRule
from lakeworks.core.lake_limits import is_keyword


def table_page(contract: Contract, upstreams: Sequence[str], rules: Iterable[RowRule]) -> str:
    """Return the Markdown page of a table."""
    properties = {
        "Grain": ", ".join(f"`{name}`" for name in contract.grain) or "as received",
        "Partitioned by": ", ".join(f"`{item}`" for item in contract.partition_by) or "not partitioned",
        "From": ", ".join(f"`{name}`" for name in [*([contract.source] if contract.source else []), *upstreams]),
        **({"Reads": "; ".join(starmap(_input, contract.inputs.items()))} if contract.inputs else {}),
        **_late_data(contract),
        "Team": contract.team,
        "Schema policy": f"`{contract.schema_policy}`",
        "Quarantine limit": f"{contract.quarantine.limit:.0%} of the rows read",
        "Glue and SQL name": f"`{contract.table.sql}`",
    }
    parts = [
        f"# {contract.name}\n\n{contract.description}\n\nContract {contract.version}, {contract.status}.",
        "\n".join(f"- {name}: {value}" for name, value in properties.items()),
        _table(
            "Columns",
            ("column", "type", "required", "description"),
            (_column(n, c) for n, c in contract.columns.items()),
        ),
        _table("Row rules", ("rule", "a row is quarantined when"), ((f"`{rule.name}`", rule.reason) for rule in rules)),
        _table(
            "Checks of all rows",
            ("expectation", "severity", "why"),
            ((f"`{check.expectation}`", check.severity, check.description) for check in contract.checks),
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _input(name: str, rule: InputRule) -> str:
    said = ["all of it"] if rule.whole else []
    said += [f"{rule.look_back_days} days back"] if rule.look_back_days else []
    said += ["if it exists"] if rule.optional else []
    said += ["as it is then"] if rule.as_found else []
    return f"`{name}` ({', '.join(said) or 'the period'})"


def _late_data(contract: Contract) -> dict[str, str]:
    late_data = contract.late_data
    if late_data is None:
        return {}
    arrivals = " or ".join(f"`{name}`" for name in late_data.upstreams)
    if not late_data.partition_time:
        return {"Late data": f"rebuilt after new rows in {arrivals}"}
    return {
        "Late data": (
            f"new rows in {arrivals} rebuild their partitions (`{late_data.partition_time}`), at "
            f"most {late_data.max_partitions} a run"
        )
    }


def _column(name: str, column: Column) -> tuple[str, ...]:
    quoted = "Athena needs its name in double quotes." if is_keyword(name) else ""
    notes = [
        column.description,
        quoted,
        "Personal data." if column.pii else "",
        "Hashed with salt." if column.masking else "",
    ]
    return f"`{name}`", f"`{column.type}`", "yes" if column.required else "", " ".join(filter(None, notes))


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"## {title}\n", f"| {' | '.join(head)} |", "|" + " --- |" * len(head), *lines])
