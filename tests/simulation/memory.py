"""Results that a simulation remembers: pure functions of the product, which histories call again with the same arguments."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any
from unittest.mock import patch

from lakeworks.core import layout
from lakeworks.core.hive import encode_hive
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition, Period
from lakeworks.core.placement_stamp import content_hash, stamped
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_numbers import RunNumbers
from lakeworks.ledger.run_record import RunRecord
from lakeworks.prices import load_price_book
from lakeworks.s3.requests import media_type, settled, sha256_base64

_MOST = 20_000
_PURE: tuple[Callable[..., Any], ...] = (
    encode_hive, load_price_book, content_hash, stamped, sha256_base64, media_type,
    layout.ledger_key, layout.ledger_prefix, layout.live_prefix, layout.join,
)  # fmt: skip


@contextmanager
def remembering() -> Iterator[None]:
    """Remember results. A conditional request is sent once: an S3 in memory never has to be asked again."""
    with ExitStack() as stack:
        for function in _PURE:
            _everywhere(stack, function, lru_cache(maxsize=_MOST)(function))
        _everywhere(stack, settled, lambda send: send())
        for owner, name in (
            (LedgerEntry, "model_validate_json"),
            (RunRecord, "model_validate_json"),
            (RunNumbers, "model_validate_json"),
            (TableName, "parse"),
            (Partition, "parse"),
            (Partition, "of_period"),
            (Period, "parse"),
        ):
            stack.enter_context(patch.object(owner, name, lru_cache(maxsize=_MOST)(getattr(owner, name))))
        yield


def _everywhere(stack: ExitStack, function: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Put a function in the place of another in every loaded module that imports it."""
    for name, module in list(sys.modules.items()):
        if (
            name.startswith(("lakeworks.", "tests.simulation."))
            and getattr(module, function.__name__, None) is function
        ):
            stack.enter_context(patch.object(module, function.__name__, new))
