"""Protected columns: personal data, or classified above `internal`. They leave the lake only on request."""

from collections.abc import Mapping, Sequence

from lakeworks.contract.contract import Contract
from lakeworks.errors import ContractError

ASK = "--include-personal"


def protected_columns(contract: Contract) -> list[str]:
    """Return the names of a table's protected columns.

    Raises:
        ContractError: all columns are protected, so that none would be left to read.
    """
    names = [name for name, column in contract.columns.items() if column.protected]
    if len(names) == len(contract.columns):
        raise ContractError(
            f"Every column of `{contract.name}` holds personal data or is classified above `internal`. Nothing was read. "
            f"If you may have them: {ASK}"
        )
    return names


def withheld_note(withheld: Mapping[str, Sequence[str]]) -> str:
    """Return the line that names columns withheld from a reader of these tables; empty if there are none."""
    lists = [f"{table}: {', '.join(names)}" for table, names in sorted(withheld.items()) if names]
    return (
        f"Withheld (personal or confidential): {'; '.join(lists)}. With them, on the command line: {ASK}"
        if lists
        else ""
    )


def unknown_or_withheld(error: ContractError, withheld: Mapping[str, Sequence[str]]) -> ContractError:
    """Return the error of a query. If it mentions a withheld column, the message explains that."""
    named = {table: [name for name in names if name in str(error)] for table, names in withheld.items()}
    note = withheld_note(named)
    return ContractError(f"{error} {note}") if note else error
