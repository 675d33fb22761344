"""Iceberg's metadata files in the lake's bucket, by the lake's own store: its tenant, buckets, encryption and permissions."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

if TYPE_CHECKING:
    from lakeworks.s3.object_store import ObjectStore


class StoreFiles(FileIO):
    """The metadata files below one prefix of the store. Each is written once, whole."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        super().__init__()
        self.store, self.prefix = store, prefix

    @property
    def location(self) -> str:
        """Return the prefix as an address, without the closing slash."""
        return self.store.uri(self.prefix).rstrip("/")

    def key_of(self, location: str) -> str:
        """Return the key of an address."""
        return self.prefix + location.removeprefix(f"{self.location}/")

    def new_input(self, location: str) -> InputFile:
        """Return a file to read."""
        return _StoredFile(self, location)

    def new_output(self, location: str) -> OutputFile:
        """Return a file to write."""
        return _NewFile(self, location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete a file."""
        name = location if isinstance(location, str) else location.location
        self.store.delete([self.key_of(name)])


class _StoredFile(InputFile):
    def __init__(self, files: StoreFiles, location: str) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        head = self._files.store.head(self._files.key_of(self.location))
        if head is None:
            raise FileNotFoundError(self.location)
        return head.size

    def exists(self) -> bool:
        return self._files.store.head(self._files.key_of(self.location)) is not None

    def open(self, seekable: bool = True) -> InputStream:
        return BytesIO(self._files.store.get(self._files.key_of(self.location))[0])


class _NewFile(OutputFile):
    def __init__(self, files: StoreFiles, location: str) -> None:
        super().__init__(location)
        self._files = files
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def exists(self) -> bool:
        return self.to_input_file().exists()

    def to_input_file(self) -> InputFile:
        return _StoredFile(self._files, self.location)

    def create(self, overwrite: bool = False) -> OutputStream:
        return _Upload(self)

    def put(self, body: bytes) -> None:
        self.size = len(body)
        self._files.store.put(self._files.key_of(self.location), body)


class _Upload(BytesIO):
    """A file that is stored when it is closed. Nothing names it if its commit fails, and garbage collection removes it."""

    def __init__(self, file: _NewFile) -> None:
        super().__init__()
        self._file = file

    def close(self) -> None:
        if not self.closed:
            body = self.getvalue()
            super().close()
            self._file.put(body)
