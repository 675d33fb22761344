"""Failures of a command: one message on stderr and an exit code for every exception.

0    done
1    the answer is "no" (differences, a late table, a failed run); or an error that must be corrected
2    the command line is wrong: an unknown command, option or value
75   an error that can be tried again: a server did not answer, a race was lost
130  interrupted by Ctrl-C
"""

import os
import sys
import traceback

from rich.console import Console

from lakeworks.cli.output import say
from lakeworks.errors import ConfigError, LakeError, TerminalError, TransientError

TRACEBACK = "LAKE_TRACEBACK"
MUST_BE_CORRECTED = 1
TRY_AGAIN = 75


def report(error: Exception) -> int:
    """Print one message for an error and return the exit code."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    explained = _explained(error)
    kind = "can be tried again" if isinstance(explained, TransientError) else "must be corrected"
    Console(stderr=True, soft_wrap=True).print(f"[bold red]{type(explained).__name__}[/] ({kind}): ", end="")
    say(str(explained), to_stderr=True)
    return TRY_AGAIN if isinstance(explained, TransientError) else MUST_BE_CORRECTED


def _explained(error: Exception) -> LakeError:
    if isinstance(error, LakeError):
        return error
    if "botocore" in sys.modules:
        from lakeworks.aws_errors import AWS_ERRORS, lake_error

        if isinstance(error, AWS_ERRORS):
            return lake_error(error, "run", "lakeworks")
    if isinstance(error, OSError) and error.filename:
        return ConfigError(f"`{error.filename}`: {error.strerror}. Nothing more was done.")
    return Unexpected(
        f"{type(error).__name__}: {error}. This is a fault of lakeworks. Finished steps remain. Run it again "
        f"with {TRACEBACK}=1 and report what it prints."
    )


class Unexpected(TerminalError):
    """An error that lakeworks does not foresee."""
