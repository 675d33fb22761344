"""Upload of files from this machine: in parallel within one budget. Files that the bucket has already are skipped."""

import hashlib
from collections.abc import Callable, Sequence

from lakeworks.core.file_selection import LocalFile
from lakeworks.errors import CredentialsExpired, LakeAccessDenied, LakeError
from lakeworks.objects.key_range import refuse_lakes_own
from lakeworks.objects.outcome import KeyOutcome
from lakeworks.s3.local_upload import upload_once
from lakeworks.s3.object_store import ObjectStore
from lakeworks.s3.transfer_budget import within_budget


def upload_objects(
    store: ObjectStore, files: Sequence[LocalFile], prefix: str, sent: Callable[[int], None], *, dry_run: bool = False
) -> list[KeyOutcome]:
    """Upload files below a prefix. Return `loaded`, `same` or `failed` for each, in their order.

    S3 checks the SHA-256 of every request on arrival. One failed file does not stop the others.

    Raises:
        ConfigError: the prefix is the lake's own.
        LakeAccessDenied, CredentialsExpired: every other file would fail in the same way.
    """
    refuse_lakes_own(f"{prefix.rstrip('/')}/", "put")

    def upload(file: LocalFile) -> KeyOutcome:
        key = "/".join(part for part in (prefix.strip("/"), file.name) if part)
        try:
            size = file.path.stat().st_size
            if dry_run:
                return KeyOutcome(key, "would put", size)
            with file.path.open("rb") as body:
                sha256 = hashlib.file_digest(body, "sha256").hexdigest()
            return KeyOutcome(key, "loaded" if upload_once(store, file.path, key, sha256, sent) else "same", size)
        except OSError as error:
            return KeyOutcome(key, "failed", 0, None, f"`{file.path}`: {error.strerror}")
        except (LakeAccessDenied, CredentialsExpired):
            raise
        except LakeError as error:
            return KeyOutcome(key, "failed", 0, None, str(error))

    return within_budget(store, files, _size, upload)


def _size(file: LocalFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:  # the file is gone; the upload reports it
        return 0
