"""Group functions, for measures that SQL cannot express: a table's `transform.py`, one pure function over one group's rows.

The table's `transform.sql` selects the function's input. The function gets one group's rows as a pandas frame and returns the
table's rows. pandas here and Spark's `applyInPandas` run the same function. So it names its group in `GROUP_BY`, takes rows in
any order, and keeps no state between calls. For lineage, `MADE_OF` maps each computed column to its input columns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING

from lakeworks.contract import Contract
from lakeworks.errors import ContractError, LakeError
from lakeworks.project import current_project

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class GroupFunction:
    """A loaded `transform.py`; `apply` maps one group's rows to rows of the table.

    `made_of` maps each computed column to its input columns; the other columns pass unchanged.
    """

    group_by: tuple[str, ...]
    apply: "Callable[[pd.DataFrame], pd.DataFrame]"
    made_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def has_function(contract: Contract) -> bool:
    """Return True if the table's folder has a `transform.py`. It is not imported."""
    return (contract.folder / "transform.py").is_file()


def load_function(contract: Contract) -> GroupFunction | None:
    """Load the table's group function; None for a table with SQL alone.

    Raises:
        ContractError: `transform.py` does not import, or lacks `GROUP_BY` or `transform`.
    """
    return (
        read_function(f"tables.{contract.name}.transform", current_project().load_module)
        if has_function(contract)
        else None
    )


def read_function(module_name: str, load: Callable[[str], ModuleType]) -> GroupFunction:
    """Read the group function of a module that `load` imports by name.

    Raises:
        ContractError: it does not import, or lacks `GROUP_BY` or `transform`.
    """
    try:
        module = load(module_name)
    except LakeError:
        raise
    except Exception as error:
        raise ContractError(
            f"`{module_name}` does not import ({type(error).__name__}: {error}). Nothing was run; correct the file."
        ) from error
    try:
        return GroupFunction(tuple(module.GROUP_BY), module.transform, getattr(module, "MADE_OF", {}))
    except AttributeError as error:
        raise ContractError(f"`{module_name}` needs `GROUP_BY` and `transform`: {error}. Nothing was run.") from error
