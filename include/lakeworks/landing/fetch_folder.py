"""An open fetch: where a source's answers and files are landed, each once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import printable
from urllib.parse import quote

from lakeworks.core.scratch import scratch_folder
from lakeworks.errors import LostRace
from lakeworks.lake import Lake
from lakeworks.landing.delivered_files import file_key, landed_file, store_file, stored_file
from lakeworks.landing.landing_set import FileNote, LandingSet
from lakeworks.landing.responses import LandedAnswer, entry_of, file_name, load_answer, store_answer
from lakeworks.ledger.run_record import Run
from lakeworks.s3.transfer_budget import within_budget
from lakeworks.sources.files.file_source import CheckedFile, FileFacts, LandedFile
from lakeworks.sources.response import SourceResponse


@dataclass
class FetchFolder:
    """An open fetch; implements the `ResponseStore` and `FileStore` that sources write to."""

    lake: Lake
    prefix: str
    run: Run
    landed: set[str] = field(default_factory=set)
    taken: dict[str, LandedAnswer] = field(default_factory=dict)
    resumed: int = 0
    before: LandingSet | None = None
    notes: list[FileNote] = field(default_factory=list)

    @property
    def files_before(self) -> Mapping[str, LandedFile]:
        """See `FileStore`."""
        landed = [landed_file(item) for item in (self.before.answers if self.before else ())]
        return {item.name: item for item in landed if item}

    def take_file(self, name: str, version: str, bring: Callable[[Path], FileFacts]) -> LandedFile:
        """See `FileStore`."""
        known = self.files_before.get(name)
        if known is not None and known.version == version:
            self.taken[name] = self._entry_before(name)
            self.notes.append(FileNote(name=name, outcome="unchanged"))
            return known
        key = file_key(self.prefix, name, version)
        if key in self.landed:
            self.resumed += 1
            self.taken[name] = stored_file(self.lake, key)
        else:
            with scratch_folder(self.lake.scratch) as folder:
                path = folder / "file"
                described = bring(path)
                try:
                    self.taken[name] = store_file(self.lake, (key, name, version), path, described, self.run)
                except LostRace:  # another process works on the same fetch: its copy is used
                    self.taken[name] = stored_file(self.lake, key)
            self.landed.add(key)
        self.notes.append(FileNote(name=name, outcome="taken", why="" if known is None else "corrected"))
        landed = landed_file(self.taken[name])
        assert landed is not None  # noqa: S101 - it was landed as a file
        return landed

    def take_checked(self, files: Sequence[CheckedFile], sent: Callable[[int], None]) -> None:
        """See `FileStore`."""
        before = self.files_before
        fresh = [file for file in files if not _is_same(before.get(file.name), file)]
        landed = within_budget(
            self.lake.store, fresh, lambda file: file.facts.size, lambda file: self._land(file, sent)
        )
        entries = dict(zip(fresh, landed, strict=True))
        for file in files:
            known = before.get(file.name)
            if file in entries:
                self.taken[file.name] = entries[file]
                why = "" if known is None else "corrected"
                self.notes.append(FileNote(name=file.name, outcome="taken", why=why))
            else:
                self.taken[file.name] = self._entry_before(file.name)
                self.notes.append(FileNote(name=file.name, outcome="unchanged"))

    def adopt_files(self, keys: Mapping[str, str]) -> Sequence[LandedFile]:
        """See `FileStore`."""
        entries = self.lake.store.map(lambda key: stored_file(self.lake, key), keys.values())
        self.taken |= dict(zip(keys, entries, strict=True))
        self.notes += [FileNote(name=name, outcome="taken") for name in keys]
        return [file for entry in entries if (file := landed_file(entry))]

    def _land(self, file: CheckedFile, sent: Callable[[int], None]) -> LandedAnswer:
        key = file_key(self.prefix, file.name, file.version)
        if key not in self.landed:
            try:
                return store_file(self.lake, (key, file.name, file.version), file.path, file.facts, self.run, sent)
            except LostRace:  # another process works on the same fetch: its copy is used
                return stored_file(self.lake, key)
        self.resumed += 1
        sent(file.facts.size)
        return stored_file(self.lake, key)

    def keep_file(self, name: str, why: str) -> None:
        """See `FileStore`."""
        self.taken[name] = self._entry_before(name)
        self.notes.append(FileNote(name=name, outcome="kept", why=why))

    def skip_file(self, name: str, why: str) -> None:
        """See `FileStore`."""
        self.notes.append(FileNote(name=name, outcome="skipped", why=why))

    def _entry_before(self, name: str) -> LandedAnswer:
        assert self.before is not None  # noqa: S101 - `files_before` named it
        return next(item for item in self.before.answers if item.request == name)

    def fetch_once(self, name: str, ask: Callable[[], SourceResponse], **facts: str) -> SourceResponse:
        """See `lakeworks.sources.ResponseStore`."""
        key = f"{self.prefix}{file_name(name)}"
        if key in self.landed:
            self.resumed += 1
            return self._recall(name, key)
        answer = ask()
        answer = replace(answer, facts=facts, url=quote(answer.url, safe=printable))  # S3 metadata is ASCII
        try:
            store_answer(self.lake, key, answer, self.run)
        except LostRace:  # another process works on the same fetch: its answer is used
            return self._recall(name, key)
        self.landed.add(key)
        self.taken[name] = entry_of(name, key, answer, self.run.id)
        return answer

    def _recall(self, name: str, key: str) -> SourceResponse:
        answer, run_id = load_answer(self.lake, key)
        self.taken[name] = entry_of(name, key, answer, run_id)
        return answer


def _is_same(known: LandedFile | None, file: CheckedFile) -> bool:
    """Return whether the file came before: by this machine, or through the inbox."""
    return known is not None and known.content == file.facts.content
