"""The lake as a source of its own: its figures are files already, and are taken from the bucket, not asked of a vendor.

`cost/bill_source.py` makes them and `StorageCostOperator` lands them, because both need the lake's store.
"""

from typing import NoReturn

from lakeworks.errors import ContractError
from lakeworks.sources import SourceConnection


def connect(access: SourceConnection) -> NoReturn:  # noqa: ARG001 - the interface of every source
    """There is no one to connect to.

    Raises:
        ContractError: always; says what lands these tables.
    """
    raise ContractError(
        "A table of source `lake` is landed by `StorageCostOperator`, not by a fetch. Nothing was landed."
    )
