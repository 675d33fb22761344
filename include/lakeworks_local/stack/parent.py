"""Child processes that end with their parent, even if it is killed with SIGKILL (Linux)."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
# Looked up once, because between fork and exec only loaded code may be called.
_LIBC = ctypes.CDLL(None, use_errno=True)


def dying_with_parent(number: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Return a function for `Popen(preexec_fn=...)`, or to call first in a forked process.

    The kernel sends the signal when the thread that started the child ends. So start such children from a thread that lives as
    long as they should.
    """
    parent = os.getpid()

    def ask_kernel() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # the parent died before this call
            os.kill(os.getpid(), number)

    return ask_kernel
