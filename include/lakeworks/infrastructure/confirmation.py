"""Confirmation of a written setting: read it back until it is there, within the endpoint's time limit.

Bucket configuration is eventually consistent in AWS (S3 User Guide, "Amazon S3 data consistency model"). For a while,
a read may return the state before a write. Emulators respond at once, and some accept settings that they never store.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from lakeworks.infrastructure.aws_partition import is_address_of_aws

Found = TypeVar("Found")
# Seconds between reads, a minute in all.
AWS_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


@dataclass(frozen=True)
class Confirmation:
    """The time limit for one endpoint. `is_aws` means that it supports every call and stores every setting."""

    pauses: tuple[float, ...] = ()
    is_aws: bool = False
    sleep: Callable[[float], None] = time.sleep

    def await_match(self, read: Callable[[], Found], is_as_desired: Callable[[Found], bool]) -> Found:
        """Return the state as soon as it is as desired, or the state after the last pause."""
        state = read()
        for pause in self.pauses:
            if is_as_desired(state):
                break
            self.sleep(pause)
            state = read()
        return state


def confirmation_of(client: Any) -> Confirmation:
    """Return the patience for the endpoint of a client."""
    host = urlsplit(str(client.meta.endpoint_url)).hostname or ""
    if is_address_of_aws(host):
        return Confirmation(AWS_PAUSES, is_aws=True)
    return Confirmation()
