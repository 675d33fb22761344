"""`lakeworks file-sizes` and `lakeworks compact`."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import Registrar
from lakeworks.pipeline.write_step import write
from lakeworks.sources import open_source
from tests.lakeworks.cli.test_cli import ZONES, Done, command, settings_for
from tests.lakeworks.cli.test_publications import cells

__all__ = ["command"]


@pytest.fixture
def in_pieces(lake: Lake, moto_url: str, replay_url: str, run_at: Callable[..., Run]) -> dict[str, str]:
    """A lake whose zones were published in objects of 50 rows."""
    zones, period, run = load_contract(ZONES), Period.parse("2019-01"), run_at(1)
    storage = zones.storage.model_copy(update={"layout": "versioned", "target_bytes": 1, "row_group_rows": 50})
    tiny = zones.model_copy(update={"storage": storage})
    cut = replace(lake, contract=lambda _: tiny)
    land(lake, zones, period, run, open_source("nyc_tlc", replay_url))
    manifest = write(cut, ZONES, period, run)
    Publisher(cut.ledger, Registrar(cut, tiny)).publish(
        [entry_for(tiny, manifest, item) for item in manifest.partitions]
    )
    return settings_for(lake, moto_url)


def test_files_shows_what_compact_rewrites(command: Callable[..., Done], in_pieces: dict[str, str], lake: Lake) -> None:
    (before,) = json.loads(command("file-sizes", "--json", **in_pieces).stdout)
    assert (before["table"], before["verdict"], before["objects"] > 1) == (ZONES, "merge", True)
    (planned,) = json.loads(command("compact", ZONES, "--dry-run", "--json", **in_pieces).stdout)
    assert planned == before, "a dry run changes nothing"
    done = command("compact", ZONES, "--json", **in_pieces)
    (row,) = json.loads(done.stdout)
    assert (done.returncode, row["objects"], row["objects after"]) == (0, before["objects"], 1)
    live = lake.ledger.live(load_contract(ZONES).table, Partition())
    assert live is not None
    assert (live.seq, live.kind, live.rows, len(live.objects)) == (row["publication"], "compaction", 265, 1)
    assert json.loads(command("file-sizes", "--json", **in_pieces).stdout) == []
    (whole,) = json.loads(command("file-sizes", ZONES, "--json", **in_pieces).stdout)
    assert (whole["objects"], whole["verdict"]) == (1, "fine")
    assert "nothing found" in command("compact", ZONES, **in_pieces).stdout
    assert command("compact", ZONES, "all", **in_pieces).returncode == 0


def test_files_and_compact_print_what_they_tell_programs(
    command: Callable[..., Done], in_pieces: dict[str, str], lake: Lake
) -> None:
    pieces = str(len(lake.ledger.history(load_contract(ZONES).table, Partition())[0].objects))
    (shown,) = cells(command("file-sizes", ZONES, **in_pieces).stdout)
    assert (shown[:3], shown[-1]) == ([ZONES, "(all)", pieces], "merge")
    (planned,) = cells(command("compact", ZONES, "--dry-run", **in_pieces).stdout)
    assert planned == shown
    done = command("compact", ZONES, **in_pieces)
    assert "Compacted" in done.stdout
    (row,) = cells(done.stdout)
    assert (row[2], row[-3], row[-1]) == (pieces, "1", "2"), "objects, objects after, publication"


def test_gc_removes_the_objects_that_a_compaction_replaced(
    command: Callable[..., Done], in_pieces: dict[str, str], lake: Lake
) -> None:
    count = ("sql", "SELECT count(*) AS zones FROM reference_transport.zones", "--json")
    pieces = [item.key for item in lake.ledger.history(load_contract(ZONES).table, Partition())[0].objects]
    command("compact", ZONES, **in_pieces)
    command("gc", "--hours", "24", **in_pieces)
    assert all(map(lake.store.head, pieces)), "readers of a day ago may be under way"
    (planned,) = [
        row
        for row in json.loads(command("gc", "--dry-run", "--hours", "0", "--json", **in_pieces).stdout)
        if row["kind"] == "superseded version"
    ]
    assert planned["objects"] == len(pieces)
    assert all(map(lake.store.head, pieces)), "a dry run deletes nothing"
    assert command("gc", "--hours", "0", **in_pieces).returncode == 0
    assert not any(map(lake.store.head, pieces))
    assert json.loads(command(*count, **in_pieces).stdout) == [{"zones": 265}]
    assert command("verify", ZONES, "--deep", **in_pieces).returncode == 0


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_a_partition_that_is_not_live_is_a_mistake_not_nothing_found(
    command: Callable[..., Done], in_pieces: dict[str, str], dry_run: tuple[str, ...]
) -> None:
    done = command("compact", "bronze.transport.yellow_trips", "2031-05", *dry_run, **in_pieces)
    assert (done.returncode, "2031-05 is not live" in done.stderr) == (1, True)
