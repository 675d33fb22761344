"""A child that must not outlive its parent, not even one that is killed with SIGKILL (Linux)."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
# Looked up once: between fork and exec only what is loaded already may be called.
_LIBC = ctypes.CDLL(None, use_errno=True)


def dying_with_parent(number: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Return a function for `Popen(preexec_fn=...)`, or to call first in a forked process.

    The signal comes when the thread that started the child ends: start such children from a thread that lives as long as they
    should.
    """
    parent = os.getpid()

    def ask_kernel() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before the kernel was asked
            os.kill(os.getpid(), number)

    return ask_kernel
