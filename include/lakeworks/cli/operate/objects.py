"""`lakeworks objects ls|get|put|rm|tag`: objects that belong to no table."""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson, DryRun
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit, say
from lakeworks.cli.progress import transferring, waiting
from lakeworks.core.file_selection import select
from lakeworks.errors import ConfigError, LakeNotFound
from lakeworks.objects.deletion import delete_objects
from lakeworks.objects.download import ObjectDownload
from lakeworks.objects.key_range import KeyRange
from lakeworks.objects.listing import ListedVersion, objects_of, versions_of
from lakeworks.objects.outcome import KeyOutcome, counts
from lakeworks.objects.tagging import parse_tags, read_tags, tag_objects
from lakeworks.objects.upload import upload_objects

PrefixArgument = Annotated[
    str,
    typer.Argument(
        metavar="PREFIX",
        show_default=False,
        help="Key or folder. `ticks/AAPL` excludes ticks/AAPL2; `ticks/AAPL*` includes it.",
    ),
]
_PAGE = 1000


def list_keys(
    prefix: PrefixArgument,
    versions: Annotated[bool, typer.Option("--versions", help="Show every version and deletion marker.")] = False,
    limit: Annotated[int, typer.Option(help="Largest number of keys to show; 0: all.")] = _PAGE,
    after: Annotated[str, typer.Option(help="Start after this key.")] = "",
    as_json: AsJson = False,
) -> None:
    """List objects with class and version.

    If there are more, the command for the next page is printed.
    """
    listed = (versions_of if versions else objects_of)(connect().store, KeyRange(prefix), after=after)
    shown = (_listed(item, versions=versions) for item in (islice(listed, limit) if limit else listed))
    last = _print_rows(shown, as_json=as_json, title=prefix)
    if limit and next(listed, None) is not None:
        say(f"More keys follow: lakeworks objects ls '{prefix}' --after '{last['key']}'", to_stderr=True)


def get_keys(
    prefix: PrefixArgument,
    folder: Annotated[Path, typer.Argument(help="Folder to write to.", show_default=False)],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Fetch objects into a folder.

    Each is read in ranges of one version and checked by its SHA-256. It gets its name when it is whole. A file with
    the same content is not fetched again. No key can write outside the folder.
    """
    store, keys = connect().store, KeyRange(prefix)
    with waiting(f"Listing {prefix}"):
        objects = list(objects_of(store, keys))
    if not objects:
        raise LakeNotFound(f"There is no object `{prefix}` and none below it. Nothing was fetched.")
    with transferring("Fetching", sum(item.size for item in objects)) as bar:
        outcomes = ObjectDownload(store, keys, folder, bar.advance, dry_run).run(objects)
    _report(outcomes, as_json=as_json, title=f"{prefix} to {folder}")


def put_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE|FOLDER...", help="Files and folders.", show_default=False)
    ],
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="Folder to write to.", show_default=False)],
    pattern: Annotated[str, typer.Option(help="Take only files with such names from folders, e.g. '*.pdf'.")] = "*",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put files and folders below a prefix.

    A file that S3 has with the same size and SHA-256 is not sent again: after a crash, run the same command to
    continue.
    """
    chosen = select(files, pattern, joined_by="/")
    for item in chosen.left_out:
        say(f"Left out: {item.path} {item.why}", to_stderr=True)
    if not chosen.files:
        raise ConfigError("There is no file to upload. Nothing was written.")
    store = connect().store
    with transferring("Putting", sum(file.path.stat().st_size for file in chosen.files)) as bar:
        outcomes = upload_objects(store, chosen.files, prefix, bar.advance, dry_run=dry_run)
    _report(outcomes, as_json=as_json, title=f"To {prefix}")


def remove_keys(
    prefix: PrefixArgument,
    versions: Annotated[bool, typer.Option("--versions", help="Delete every version permanently.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Delete objects; their versions stay unless you say so.

    Objects that the lake writes itself are refused. 1,000 keys go in one request, and each has its own outcome.
    """
    with waiting(f"Deleting {prefix}"):
        outcomes = list(delete_objects(connect().store, KeyRange(prefix), versions=versions, dry_run=dry_run))
    if not outcomes:
        raise LakeNotFound(f"There is no object `{prefix}` and none below it. Nothing was deleted.")
    _report(outcomes, as_json=as_json, title=prefix)


def tag_keys(
    prefix: PrefixArgument,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Tags to add or change.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", help="A tag to remove.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Show tags of objects, or add to them.

    Tags that an object has stay, unless they are named. S3 takes 10 an object.
    """
    new_tags, store, keys = parse_tags(tags or ()), connect().store, KeyRange(prefix)
    if not new_tags and not remove:
        _print_rows(
            ({"key": i.key, **read_tags(store, i.key, i.version_id)} for i in objects_of(store, keys)),
            as_json=as_json,
            title=prefix,
        )
        return
    with waiting(f"Tagging {prefix}"):
        outcomes = list(tag_objects(store, keys, new_tags, remove or (), dry_run=dry_run))
    if not outcomes:
        raise LakeNotFound(f"There is no object `{prefix}` and none below it. Nothing was tagged.")
    _report(outcomes, as_json=as_json, title=prefix)


def _listed(item: ListedVersion, *, versions: bool) -> dict[str, Any]:
    row = {
        "key": item.key,
        "bytes": item.size,
        "modified": f"{item.modified:%Y-%m-%d %H:%M:%S}",
        "class": item.storage_class,
        "version": item.version_id or "",
    }
    state = "deletion" if item.is_deletion else "current" if item.is_latest else "earlier"
    return {**row, "state": state} if versions else row


def _print_rows(rows: Iterable[dict[str, Any]], *, as_json: bool, title: str) -> dict[str, Any]:
    """Print rows page by page, so that memory never has a listing of millions. Return the last one."""
    last: dict[str, Any] = {}
    pages: Iterator[dict[str, Any]] = iter(rows)
    if as_json:
        separator = "["
        for row in pages:
            sys.stdout.write(separator + json.dumps(row, default=str))
            separator, last = ",\n", row
        sys.stdout.write(("[" if separator == "[" else "") + "]\n")
        return last
    page = list(islice(pages, _PAGE))
    while True:
        emit(page, as_json=False, title=title, layout=Layout(extra=("version", "class")))
        last, page = (page[-1] if page else last), list(islice(pages, _PAGE))
        if not page:
            return last


def _report(outcomes: list[KeyOutcome], *, as_json: bool, title: str) -> None:
    """Print every key, or a program's JSON; exit 1 if one failed."""
    emit([item.as_dict() for item in outcomes], as_json=as_json, title=title, layout=Layout(extra=("version",)))
    totals = counts(outcomes)
    if not as_json:
        size = sum(item.size for item in outcomes)
        say(f"{', '.join(f'{count:,} {outcome}' for outcome, count in totals.items())}; {size:,} bytes.")
    if totals.get("failed"):
        raise typer.Exit(1)
