"""`lakeworks share`: the address on stdout and nowhere else; what a share means, said beside it."""

import json
from collections.abc import Callable
from datetime import datetime

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.publications.test_publications import published

__all__ = ["command"]
EVENTS = "bronze.commerce.events"


@pytest.fixture
def environment(lake: Lake, moto_url: str, run_at: Callable[..., Run]) -> dict[str, str]:
    row = {"event_id": "e1", "_ingested_at": datetime(2019, 1, 5), "_source_url": "inbox", "_run_id": "r"}
    contract = load_contract(EVENTS)
    known = {name: value for name, value in row.items() if name in contract.columns}
    published(lake, contract, [known], run_at(1), Period.parse("2019-01-05"))
    return settings_for(lake, moto_url)


def test_a_share_is_an_address_its_end_and_a_record(command: Callable[..., Done], environment: dict[str, str]) -> None:
    done = command("share", EVENTS, "2019-01-05", "--for", "2h", "--to", "partner", **environment)
    assert (done.returncode, done.stdout.count("X-Amz-Signature="), done.stdout.count("\n")) == (0, 1, 1)
    said = done.stderr.replace("\n", " ")
    assert "It cannot be revoked before that, except by disabling access key test" in said
    assert "Signature" not in said
    (row,) = json.loads(command("share", "list", "--json", **environment).stdout)
    assert (row["what"], row["to"], row["over"]) == (f"{EVENTS} year=2019/month=01/day=05", "partner", False)
    temporary = command("share", EVENTS, "2019-01-05", AWS_SESSION_TOKEN="t", **environment)
    assert "The address may end earlier, with them" in temporary.stderr.replace("\n", " ")


def test_a_form_is_a_line_of_curl(command: Callable[..., Done], environment: dict[str, str]) -> None:
    done = command("share", "upload", "commerce_events", "2019-01-06", "--name", "till.jsonl", **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("curl -F ")
    assert "key=inbox/commerce_events/2019-01-06/till.jsonl" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((EVENTS, "2019-01-05", "--for", "8d"), "at most 7d"),
        ((EVENTS, "2019-01-06"), "is not published"),
        (("_ledger/x.json",), "is never shared"),
        (("upload", "nothing", "2019-01-06"), "No table takes dropped files of the data set `nothing`"),
    ],
)
def test_mistakes_are_one_message(
    command: Callable[..., Done], environment: dict[str, str], arguments: tuple[str, ...], says: str
) -> None:
    done = command("share", *arguments, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr.replace("\n", " ")
