"""Measures SQL cannot say: a table's `transform.py`, one pure function over the rows of one group.

The table's `transform.sql` selects the function's input; the function gets the rows of one group as a pandas frame and returns
the table's rows. pandas here and Spark's `applyInPandas` run the very same function, so it names its group in `GROUP_BY`, takes
its rows in any order, and keeps nothing between calls.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.contract import Contract
from lakeworks.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class GroupFunction:
    """A loaded `transform.py`; `apply` maps one group's rows to rows of the table."""

    group_by: tuple[str, ...]
    apply: "Callable[[pd.DataFrame], pd.DataFrame]"


def has_function(contract: Contract) -> bool:
    """Whether the table has a `transform.py`; looks at the folder only."""
    return (contract.folder / "transform.py").is_file()


def load_function(contract: Contract) -> GroupFunction | None:
    """The table's group function; None for a table of SQL alone.

    Raises:
        ContractError: `transform.py` does not import, or lacks `GROUP_BY` or `transform`.
    """
    if not has_function(contract):
        return None
    place = f"`tables/{contract.table.path}/transform.py`"
    try:
        module = importlib.import_module(f"lakeworks.tables.{contract.name}.transform")
    except Exception as error:
        raise ContractError(f"{place} does not import ({type(error).__name__}: {error}). Nothing was run.") from error
    try:
        return GroupFunction(tuple(module.GROUP_BY), module.transform)
    except AttributeError as error:
        raise ContractError(f"{place} needs `GROUP_BY` and `transform`: {error}. Nothing was run.") from error
