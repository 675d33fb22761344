"""Destination of generated pages: a folder, or a prefix of a bucket. Each page is replaced as a whole."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from lakeworks.aws_errors import translated
from lakeworks.core.layout import is_written_by_lake
from lakeworks.errors import ConfigError

_ADDRESS = re.compile(r"s3://([^/]+)(?:/(.*))?")


class PutsObjects(Protocol):
    """The one call of an S3 client that is needed."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str, CacheControl: str) -> object:  # noqa: N803
        """Write an object."""


def write_pages(
    pages: Iterable[tuple[str, str]], target: str, s3: PutsObjects | None, lake_buckets: Iterable[str] = ()
) -> int:
    """Write pages and return how many. Pages of tables that are gone stay where they are.

    Raises:
        ConfigError: the target cannot be written, or lies among the lake's own objects.
    """
    match = _ADDRESS.fullmatch(target)
    if match is None:
        return _to_folder(pages, Path(target))
    bucket, prefix = match[1], (match[2] or "").strip("/")
    if bucket in lake_buckets and (not prefix or is_written_by_lake(f"{prefix}/")):
        raise ConfigError(
            f"`{target}` lies among the lake's own objects. Nothing was written. Another prefix is free: s3://{bucket}/exports/site"
        )
    if s3 is None:
        raise ConfigError(f"`{target}` needs AWS credentials. Nothing was written.")
    written = 0
    for path, text in pages:
        key = f"{prefix}/{path}" if prefix else path
        with translated("write", f"s3://{bucket}/{key}"):
            s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=text.encode(),
                ContentType="text/html; charset=utf-8",
                CacheControl="no-cache",
            )
        written += 1
    return written


def _to_folder(pages: Iterable[tuple[str, str]], folder: Path) -> int:
    written = 0
    try:
        for path, text in pages:
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(f".{file.name}.part")
            part.write_text(text, encoding="utf-8")
            part.replace(file)
            written += 1
    except OSError as error:
        raise ConfigError(
            f"`{error.filename or folder}` cannot be written: {error.strerror}. Pages written before it: {written}. Name "
            "another folder."
        ) from error
    return written
