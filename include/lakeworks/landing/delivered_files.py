"""Delivered files as objects in landing: unchanged bytes, under their name and a digest of their version."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from string import printable
from typing import Any
from urllib.parse import quote, unquote

from lakeworks.core.layout import safe_id
from lakeworks.errors import MalformedSource
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch
from lakeworks.lake import Lake
from lakeworks.landing.readable_file import ReadableFile
from lakeworks.landing.responses import LandedAnswer, load_answer
from lakeworks.ledger.run_record import Run
from lakeworks.parquet.encoder import sha256_of
from lakeworks.s3.multipart import upload_file
from lakeworks.s3.object_store import Target
from lakeworks.sources.files.file_source import FileFacts, LandedFile

Sent = Callable[[int], None]  # called with the number of arrived bytes
_FACTS = ("file", "version", "content", "rows")


def file_key(prefix: str, name: str, version: str) -> str:
    """Return the key of a file's version. Two names, or two versions, never have the same key."""
    mark = hashlib.sha256(f"{name}\n{version}".encode()).hexdigest()[:12]
    suffixes = "".join(PurePosixPath(safe_id(name)).suffixes[-2:])
    return f"{prefix}{safe_id(name).removesuffix(suffixes)[:120]}-{mark}{suffixes}"


def store_file(
    lake: Lake, target: tuple[str, str, str], path: Path, described: FileFacts, run: Run, sent: Sent | None = None
) -> LandedAnswer:
    """Land a file from disk; it is written once. `target` is its key, its name and its version.

    Raises:
        LostRace: there is one already.
        FileChanged: it is no longer the file whose digest the facts have.
    """
    key, name, version = target
    metadata = {
        "source-url": quote(described.url, safe=printable),  # S3 metadata is ASCII
        "sha256": described.sha256,
        "fetched-at": described.fetched_at.isoformat(),
        "run-id": run.id,
        "file": quote(name),
        "version": version,
        "content": described.content,
        "rows": str(described.rows),
    }
    upload_file(lake.store, path, Target(key, metadata, if_absent=True), sha256=described.sha256, sent=sent)
    return _entry(key, described.size, metadata)


def stored_file(lake: Lake, key: str) -> LandedAnswer:
    """Return what is known of a landed file.

    Raises:
        MalformedSource: something else lies there.
    """
    item = lake.store.head(key)
    if item is None or not {*_FACTS, "sha256", "source-url"} <= item.metadata.keys():
        raise MalformedSource(
            f"`{lake.store.uri(key)}` has no metadata of a landed file: another program wrote it. Nothing was "
            "staged. Move it out of landing, then run the fetch again."
        )
    return _entry(key, item.size, item.metadata)


def landed_file(item: LandedAnswer) -> LandedFile | None:
    """Return a set's entry as a delivered file; None for a vendor's response."""
    if not item.facts.keys() >= set(_FACTS):
        return None
    return LandedFile(item.request, item.facts["version"], item.facts["content"], int(item.facts["rows"]))


def _entry(key: str, size: int, metadata: Mapping[str, str]) -> LandedAnswer:
    return LandedAnswer(
        request=unquote(metadata["file"]),
        key=key,
        url=metadata["source-url"],
        status=200,
        sha256=metadata["sha256"],
        size=size,
        fetched_at=datetime.fromisoformat(metadata["fetched-at"]),
        run_id=metadata["run-id"],
        facts={name: metadata[name] for name in _FACTS} | {"file": unquote(metadata["file"])},
    )


@dataclass(frozen=True)
class DeliveredRows:
    """A landed file as raw rows. The first read downloads it to scratch."""

    lake: Lake
    item: LandedAnswer
    scratch: Path
    options: FormatOptions = field(default_factory=FormatOptions)

    @property
    def name(self) -> str:
        """The address at which it was dropped; a person corrects it there."""
        return self.item.url

    @property
    def constants(self) -> Mapping[str, Any]:
        """Facts of the landed file, so that a re-run repeats them."""
        moment = self.item.fetched_at.astimezone(UTC).replace(tzinfo=None)
        lineage = {"_ingested_at": moment, "_source_url": self.item.url, "_run_id": self.item.run_id}
        return {**lineage, "file_name": self.item.request} if self.options.format == "binary" else lineage

    def batches(self) -> Iterator[RawBatch]:
        """Read it from the start.

        Raises:
            MalformedSource: it is damaged, or no longer what was landed.
        """
        path = self.scratch / PurePosixPath(self.item.key).name
        if landed_file(self.item) is None:  # by release 0.1.0, which compressed every file it landed
            path = self.scratch / PurePosixPath(self.item.request).name
            path.write_bytes(load_answer(self.lake, self.item.key)[0].body)
        elif not path.exists():
            self.lake.store.download(self.item.key, path)
            if sha256_of(path) != self.item.sha256:
                path.unlink()
                raise MalformedSource(
                    f"`{self.lake.store.uri(self.item.key)}` differs from the landed file: its digest is not the one that "
                    "the fetch recorded. Another program changed it; lakeworks does not touch it. Nothing was staged; "
                    f"live data is unchanged. Restore its earlier version, or drop `{self.item.request}` again and run "
                    "the fetch."
                )
        yield from ReadableFile(path, self.name, self.constants, self.options, self.item.request).batches()
