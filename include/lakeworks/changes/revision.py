"""A revision of the project's own repository, as a project in a scratch folder."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lakeworks.errors import ConfigError
from lakeworks.project import MARKER, Project

# Debian 12 has Python 3.11.2, and the filter came with 3.11.4. Git wrote the archive, so its names stay below the folder.
_DATA_ONLY: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


@contextmanager
def project_at(revision: str, project: Project) -> Iterator[Project]:
    """Yield the project as it was at a revision of Git.

    Raises:
        ConfigError: Git is missing, the project is in no repository, or there is no such revision.
    """
    packed = _archive(revision, project.root)
    with TemporaryDirectory(prefix="lakeworks-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, **_DATA_ONLY)  # noqa: S202 - see above
        yield Project(Path(folder))


def _archive(revision: str, root: Path) -> bytes:
    """Return the lake's folder and `lake.yml` at a revision, as a tar file."""
    if revision.startswith("-"):
        raise ConfigError(f"`{revision}` is no revision. Nothing was run. Say a branch, a tag or a commit.")
    command = ["git", "-C", str(root), "archive", "--format=tar", revision, "--", MARKER, "include/lake"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ConfigError(
            "`git` is not installed. Nothing was run. Leave --since out to compare with the ledger."
        ) from error
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise ConfigError(
            f"The project cannot be read at `{revision}`: {why}. Nothing was run. Say a branch, a tag or a commit whose tree "
            f"has `{MARKER}` and `include/lake`, or leave --since out to compare with the ledger."
        )
    return done.stdout
