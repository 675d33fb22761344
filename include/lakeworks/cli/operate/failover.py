"""`lakeworks failover`: let a copy of the lake in another region become the primary, and the way back."""

from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import connect_live
from lakeworks.cli.output import emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.clock import utc_now
from lakeworks.errors import ConfigError
from lakeworks.failover.handover import hand_over
from lakeworks.failover.region_takeover import RegionPlan, RegionTakeover
from lakeworks.infrastructure.config import load_config
from lakeworks.lake import Lake
from lakeworks.settings import current_settings

DeepLook = Annotated[bool, typer.Option("--deep", help="Read and hash the bytes of every object.")]
EveryPartition = Annotated[bool, typer.Option("--all", help="Show partitions whose newest publication is whole, too.")]


def plan_failover(deep: DeepLook = False, every: EveryPartition = False, as_json: AsJson = False) -> None:
    """Show what this bucket would make live as the primary.

    Run it with LAKE_BUCKET and LAKE_REGION of the copy. Changes nothing.

    Exit code 1 if a partition would fall back to an older publication, or to none.
    """
    takeover = _takeover(deep=deep)
    with waiting("Comparing what has arrived with what was published"):
        plan = takeover.plan()
    _show(takeover, plan, every=every, as_json=as_json, title="Would become live")
    if plan.counted()["older"] or plan.counted()["none"]:
        raise typer.Exit(1)


def apply_failover(
    primary_is_lost: Annotated[
        bool, typer.Option("--primary-lost", help="Take over although the primary does not answer.")
    ] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Take over without publications that have not arrived.")
    ] = False,
    deep: DeepLook = False,
    every: EveryPartition = False,
    as_json: AsJson = False,
) -> None:
    """Make this bucket the primary.

    Run it with LAKE_BUCKET and LAKE_REGION of the copy. A takeover that was cut off is completed by the next one.

    Exit code 1 if a difference of the catalog is left.
    """
    takeover = _takeover(deep=deep)
    with waiting("Taking over"):
        plan, left = takeover.apply(primary_is_lost=primary_is_lost, accept_loss=accept_loss)
    _show(takeover, plan, every=every, as_json=as_json, title="Live now")
    if left:
        say(f"{left} differences of the catalog are left: lakeworks catalog diff --all", to_stderr=True)
        raise typer.Exit(1)


def hand_over_primary(
    undo: Annotated[bool, typer.Option("--undo", help="Publish here again: no other bucket takes over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop publications into this bucket, so that another one can take over without loss.

    Run it with LAKE_BUCKET and LAKE_REGION of the present primary.
    """
    lake, settings = connect_live(), current_settings()
    with waiting("Handing over" if not undo else "Taking back"):
        document = hand_over(lake, _contracts(), settings.region, utc_now, undo=undo)
    emit([{"epoch": document.epoch, "primary": document.bucket, "state": document.state}], as_json=as_json)


def _takeover(*, deep: bool) -> RegionTakeover:
    settings = current_settings()
    if load_config(settings.config_file).bucket_of_layer:
        raise ConfigError(
            "lake.yml gives layers their own buckets (`layer_buckets`), and a copy has all layers in one bucket. Nothing was "
            "done. Set LAKE_CONFIG_FILE to a lake.yml for this region, without `layer_buckets`."
        )
    return RegionTakeover(connect_live(), _contracts(), settings.region, _other_lake, deep=deep)


def _other_lake(bucket: str, region: str) -> Lake:
    import boto3

    settings = current_settings().model_copy(update={"bucket": bucket, "region": region, "dev": None, "tenant": None})
    return Lake.connect(settings, boto3.Session())


def _contracts() -> list[Contract]:
    return [load_contract(name) for name in all_tables()]


def _show(takeover: RegionTakeover, plan: RegionPlan, *, every: bool, as_json: bool, title: str) -> None:
    situation, counted = takeover.describe(plan.situation), plan.counted()
    rows: list[dict[str, Any]] = [row for table in plan.tables for row in table.rows]
    shown = rows if every else [row for row in rows if row["outcome"] != "newest"]
    if as_json:
        emit_one({**situation, "behind": plan.behind, "counted": counted, "partitions": shown})
        return
    emit([situation], as_json=False, title="Primary")
    emit([{**counted, "behind": plan.behind}], as_json=False, title=f"{title}: partitions")
    if shown:
        emit(shown, as_json=False, title="Partitions" if every else "Not the newest publication")
