"""Names of what a check makes for a moment, so that a later run knows what a killed one left behind."""

import os
import re
import socket
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Self

_FORM = re.compile(r"([0-9a-f]{8})_([0-9]+)")
# No check takes so long. Things of other machines are not removed before.
_LONGEST = timedelta(hours=1)


@dataclass(frozen=True)
class TrialName:
    """The process that makes something: machine and process id. `str()` fits into a key and into a table's name."""

    machine: str
    process: int

    @classmethod
    def of_this_process(cls) -> Self:
        """Return the name for this process."""
        return cls(sha256(socket.gethostname().encode()).hexdigest()[:8], os.getpid())

    def __str__(self) -> str:
        """Return `1a2b3c4d_4711`."""
        return f"{self.machine}_{self.process}"

    def may_remove(self, name: str, age: timedelta) -> bool:
        """Return True if nothing uses what has this name: its process has ended, or it is older than a check takes."""
        parts = _FORM.fullmatch(name)
        if parts is None:
            return False
        if parts[1] == self.machine and (int(parts[2]) == self.process or not _is_alive(int(parts[2]))):
            return True
        return age > _LONGEST


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's
    return True
