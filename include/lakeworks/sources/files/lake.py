"""The lake as a source: its own figures are files in the bucket, so no vendor is asked.

`cost/bill_source.py` makes them and `StorageCostOperator` lands them, because both need the lake's store.
"""

from typing import NoReturn

from lakeworks.errors import ContractError
from lakeworks.sources import SourceConnection


def connect(access: SourceConnection) -> NoReturn:  # noqa: ARG001 - the interface of every source
    """Refuse to connect: there is no vendor.

    Raises:
        ContractError: always; the message names what lands these tables.
    """
    raise ContractError(
        "A table of source `lake` is landed by `StorageCostOperator`, not by a fetch. Nothing was landed."
    )
