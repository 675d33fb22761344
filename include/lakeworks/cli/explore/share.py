"""`lakeworks share`: presigned addresses for people without credentials. Each address is recorded."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson, OptionalPartition, PeriodArgument, find_partition
from lakeworks.cli.connection import connect, signer
from lakeworks.cli.output import Layout, emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.core.partition import Period
from lakeworks.shares.downloads import Terms, share_key, share_partition
from lakeworks.shares.record import ShareRecord, records
from lakeworks.shares.signing import Signer, duration_of
from lakeworks.shares.uploads import Upload, share_upload

For = Annotated[
    str, typer.Option("--for", help="30m, 1h, 2d; at most 7d, and never longer than the credentials are valid")
]
To = Annotated[str, typer.Option("--to", help="recipient, for the record")]
What = Annotated[str, typer.Argument(help="<layer>.<domain>.<table>, or a key such as exports/trips.csv")]
Allow = Annotated[bool, typer.Option("--allow", help="Share personal and confidential columns, too.")]
DataSet = Annotated[str, typer.Argument(help="data set of dropped files, as in a contract's file_drop.<data set>")]
Name = Annotated[str, typer.Option("--name", help="the only name the file may have")]
MostBytes = Annotated[int, typer.Option("--most-bytes", help="largest size that S3 accepts, in bytes", min=1)]
ContentType = Annotated[str, typer.Option("--content-type", help="default: the type of --name")]

_NO_WAY_BACK = "It cannot be revoked before that, except by disabling access key {key}."


def share_download(
    what: What,
    partition: OptionalPartition = None,
    duration: For = "1h",
    to: To = "",
    allow: Allow = False,
    as_json: AsJson = False,
) -> None:
    """Share a partition or an object for a while (the default).

    Prints addresses (presigned GET) of exactly the published versions. They work without credentials.
    """
    lake, signing = connect(), signer()
    how = (signing, Terms(duration_of(duration), to, allow), datetime.now(UTC))
    with waiting(f"Signing addresses of {what}"):
        if "/" in what:
            shared = share_key(lake, what, *how)
        else:
            contract = load_contract(what)
            shared = share_partition(lake, contract, find_partition(lake, contract, partition or "all"), *how)
    shown = [
        {"key": item.key, "bytes": item.size, "sha256": item.sha256, "address": address}
        for item, address in zip(shared.record.objects, shared.addresses, strict=True)
    ]
    if as_json:
        emit_one({**_line(shared.record), "objects": shown})
        return
    for item in shown:
        typer.echo(item["address"])
    _explain(shared.record, signing)


def share_upload_form(  # noqa: PLR0913, PLR0917 - each is an option of the command
    data_set: DataSet,
    period: PeriodArgument,
    name: Name = "",
    duration: For = "1h",
    to: To = "",
    most_bytes: MostBytes = 100 << 20,
    content_type: ContentType = "",
    as_json: AsJson = False,
) -> None:
    """Let a person drop one file into the inbox.

    Prints a form (presigned POST): key, size and content type are conditions that S3 checks.
    """
    lake, signing = connect(), signer()
    upload = Upload(data_set, Period.parse(period), name, most_bytes, content_type)
    contracts = [load_contract(table) for table in all_tables()]
    with waiting("Signing the form"):
        form = share_upload(lake, contracts, upload, signing, Terms(duration_of(duration), to), datetime.now(UTC))
    if as_json:
        emit_one({**_line(form.record), "address": form.address, "fields": form.fields})
        return
    fields = " ".join(f"-F '{key}={value}'" for key, value in form.fields.items())
    typer.echo(f"curl {fields} -F 'file=@FILE' '{form.address}'")
    _explain(form.record, signing)


def list_shares(as_json: AsJson = False) -> None:
    """List what was shared, and until when."""
    with waiting("Reading the shares"):
        lines = [_line(record) for record in records(connect().store)]
    emit(lines, as_json=as_json, title="Shares", layout=_LAYOUT)


_LAYOUT = Layout(extra=("signed by", "publication", "id"))


def _line(record: ShareRecord) -> dict[str, Any]:
    return {
        "what": f"{record.table} {record.partition or 'all'}" if record.table else record.objects[0].key,
        "kind": record.kind,
        "to": record.to,
        "until": f"{record.until:%Y-%m-%d %H:%M} UTC",
        "over": record.until <= datetime.now(UTC),
        "publication": record.publication,
        "allowed": record.allowed,
        "signed by": record.signed_by,
        "id": record.id,
    }


def _explain(record: ShareRecord, signing: Signer) -> None:
    """Print on stderr when the address expires: stdout has only the address."""
    say(f"Works until {record.until:%Y-%m-%d %H:%M} UTC. {_NO_WAY_BACK.format(key=record.signed_by)}", to_stderr=True)
    if signing.temporary and signing.end is None:
        say(
            "The credentials are temporary, and their end is unknown. The address may end earlier, with them.",
            to_stderr=True,
        )
