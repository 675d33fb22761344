"""Folders for one task's files on the local disk. The task removes its folder; after a kill, the next task does."""

import errno
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from lakeworks.errors import ScratchUnavailable

log = logging.getLogger(__name__)
_PREFIX, _UNLOCKED, _LOCK = "task-", "new-", ".lock"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOENT, errno.ENOTDIR, errno.EEXIST}
# A folder gets its lock within a moment after its creation.
_MAKING_SECONDS = 3600


@contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """Create a folder for a task below the scratch folder. First remove the folders of killed tasks.

    Raises:
        ScratchUnavailable: the disk is full, or the folder cannot be written.
    """
    folder = None
    try:
        root.mkdir(parents=True, exist_ok=True)
        remove_abandoned(root)
        made = Path(mkdtemp(dir=root, prefix=_UNLOCKED))
        with (made / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel releases it however the process ends
            folder = made.rename(root / f"{_PREFIX}{made.name.removeprefix(_UNLOCKED)}")
            yield folder
    except OSError as error:
        if not is_scratch_fault(error, root):
            raise
        raise unwritable(root, error) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(root: Path) -> None:
    """Remove the folders of tasks that have ended."""
    for folder in [*root.glob(f"{_PREFIX}*"), *root.glob(f"{_UNLOCKED}*")]:
        with suppress(OSError):
            if folder.name.startswith(_UNLOCKED):
                if time.time() - folder.stat().st_mtime > _MAKING_SECONDS:
                    shutil.rmtree(folder)
                continue
            with (folder / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
                log.info("removed %s, left by a killed task", folder)


def is_scratch_fault(error: OSError, root: Path) -> bool:
    """Return whether an error is the disk's: full, read-only, or a file below the scratch folder that cannot be made."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return True
    return error.errno in _FULL and str(error.filename or "").startswith(os.fspath(root))


def unwritable(root: Path, error: OSError) -> ScratchUnavailable:
    """Return the error for a scratch folder that cannot be written."""
    return ScratchUnavailable(
        f"The scratch folder `{root}` cannot be written: {error.strerror or error}. Nothing was published, "
        "and the task's files there were removed. Free space, or name another folder in LAKE_SCRATCH_DIR. "
        "Airflow retries."
    )
