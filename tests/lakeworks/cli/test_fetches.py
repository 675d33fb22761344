"""`lakeworks fetches --files` and `forget`: what became of each delivered file, and a person's word on one."""

import json
from collections.abc import Callable

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.landing.inbox import LakeInbox
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.sources import SourceConnection, open_source
from tests.lakeworks.cli.test_cli import Done, command, settings_for

__all__ = ["command"]
EVENTS, DAY = "bronze.commerce.events", "2026-01-06"


def test_what_became_of_each_file_is_shown_and_one_is_forgotten(
    lake: Lake, moto_url: str, run_at: Callable[..., Run], command: Callable[..., Done]
) -> None:
    environment = settings_for(lake, moto_url)
    source = open_source("file_drop", access=SourceConnection(inbox=LakeInbox(lake.store)))
    for name, body in {"a.jsonl": b'{"event_id": "1"}\n', "b.jsonl": b'{"event_id": "2"}\n', "_SUCCESS": b""}.items():
        lake.store.put(f"inbox/commerce_events/{DAY}/{name}", body)
    land(lake, load_contract(EVENTS), Period.parse(DAY), run_at(1), source)
    lake.store.delete([f"inbox/commerce_events/{DAY}/b.jsonl"])
    land(lake, load_contract(EVENTS), Period.parse(DAY), run_at(2), source)
    listed = json.loads(command("fetches", EVENTS, DAY, "--json", **environment).stdout)
    assert [(row["answers"], row["kept"], row["skipped"], row["state"]) for row in listed] == [
        (2, "", 1, "complete"), (2, 1, 1, "as before"),
    ]  # fmt: skip
    files = json.loads(command("fetches", EVENTS, DAY, "--files", "--json", **environment).stdout)
    assert [(row["file"], row["outcome"], row["rows"]) for row in files] == [
        ("_SUCCESS", "skipped", None), ("a.jsonl", "taken", 1), ("b.jsonl", "taken", 1),
        ("_SUCCESS", "skipped", None), ("a.jsonl", "unchanged", 1), ("b.jsonl", "kept", 1),
    ]  # fmt: skip
    forgotten = json.loads(command("forget", EVENTS, DAY, "b.jsonl", "--json", **environment).stdout)
    assert [(row["file"], row["outcome"], row["why"]) for row in forgotten] == [("b.jsonl", "forgotten", "by a person")]
    refused = command("forget", EVENTS, DAY, "b.jsonl", **environment)
    assert "has no delivered file `b.jsonl`. Known: a.jsonl" in refused.stderr.replace("\n", " ")
    refused = command("forget", EVENTS, DAY, "a.jsonl", **environment)
    assert "would have no file left" in refused.stderr.replace("\n", " ")
