"""`make chaos`: the long storms on all three endpoints; prints tables and fails on anything wrong."""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.broken import at_one_moment, at_random, copies_one_by_one, one_by_one
from tests.chaos.harness import settled, storm
from tests.chaos.iceberg import iceberg_storm
from tests.chaos.pipeline import pipeline_storm
from tests.chaos.promotions import promotion_storm
from tests.chaos.streams import stream_storm
from tests.chaos.table import CONTRACT, VERSIONED, Endpoint
from tests.conftest import new_store, running_ministack, running_moto, running_seaweed
from tests.faults.copies import PART_BYTES
from tests.lakeworks.iceberg.orders import Orders, contract

Result = tuple[Sequence[Any], list[str]]
# what is shown of each, after the endpoint
STORMS = {
    "killed": (
        "writers killed with SIGKILL while a reader reads",
        ("layout", "writers at once", "kills", "published", "refused", "reads", "bad reads", "left wrong"),
    ),
    "pipelines": (
        "whole pipelines of a month killed, some not audited or refused by the audit, a reader reads its 31 days",
        ("kills", "of these publishing", "published", "refused", "reads", "bad reads", "left wrong"),
    ),
    "broken": (
        "each request of a publication broken in each way",
        ("attempts of boto3", "ways to break", "requests broken", "left wrong"),
    ),
    "copied": (
        "each request of a publication that is copied inside S3 in three parts broken in each way",
        ("attempts of boto3", "ways to break", "requests broken", "left wrong"),
    ),
    "shaken": (
        "writers killed, a tenth of their requests broken, a reader reads",
        ("kills", "requests broken", "published", "refused", "reads", "bad reads", "left wrong"),
    ),
    "streams": (
        "producers, consumers and steps of a stream killed during a reshard, a tenth of their requests broken",
        ("producers", "consumers", "steps", "requests broken", "events", "records", "left wrong"),
    ),
    "iceberg": (
        "writers of an Iceberg table killed, also while they make the snapshot; pyiceberg reads",
        ("kills", "published", "refused", "reads", "bad reads", "left wrong"),
    ),
    "promotions": (
        "promotions of three months killed, live runs and roll-forwards beside them, a reader of whole runs reads",
        ("layout", "kills", "promoted", "refused", "in part", "live runs", "reads", "bad reads", "left wrong"),
    ),
    "crowded": (
        "3 rivals for one partition and 3 neighbours at one moment",
        ("writers", "published", "refused", "neighbours hindered", "left wrong"),
    ),
}


class Storms:
    """All storms on all endpoints."""

    def __init__(self, urls: dict[str, str], folder: Path, kills: int, seed: int) -> None:
        self.urls, self.folder, self.kills, self.seed = urls, folder, kills, seed
        self.failed = False

    def endpoint(self, name: str) -> Endpoint:
        """A new bucket, and the catalog emptied; SeaweedFS has no Glue."""
        url = self.urls[name]
        found = Endpoint(url, self.urls["moto"] if name == "seaweed" else url, new_store(url).bucket)
        glue = found.lake().catalog.client
        for database in glue.get_databases()["DatabaseList"]:
            glue.delete_database(Name=database["Name"])
        return found

    def run(self, wanted: Sequence[str]) -> None:
        """The wanted storms, a table each."""
        for name in wanted:
            title, columns = STORMS[name]
            self.table(title, columns, getattr(self, name))

    def killed(self, name: str) -> Iterator[Result]:
        for writers, wanted in ((1, CONTRACT), (3, CONTRACT), (3, VERSIONED)):
            endpoint = replace(self.endpoint(name), contract=wanted)
            tally = storm(endpoint, self.kills, self.seed, self.folder, writers)
            wrong = [*tally.unhealed, *settled(endpoint, tally.reported)]
            row = (
                wanted.storage.layout,
                writers,
                tally.kills,
                tally.published,
                tally.refused,
                tally.reads,
                len(tally.bad),
                len(wrong),
            )
            yield row, [*tally.bad, *wrong]

    def pipelines(self, name: str) -> Iterator[Result]:
        tally, wrong = pipeline_storm(self.endpoint(name), self.kills, self.seed, self.folder)
        wrong = [*tally.unhealed, *wrong]
        publishing = sum(count for step, count in tally.by_step.items() if step.startswith("publish"))
        crashed = ["a writer crashed"] * tally.crashed
        row = (tally.kills, publishing, tally.published, tally.refused, tally.reads, len(tally.bad), len(wrong))
        yield row, [*tally.bad, *wrong, *crashed]

    def broken(self, name: str) -> Iterator[Result]:
        for attempts in (1, 2):
            yield one_by_one(self.urls[name], attempts)

    def copied(self, name: str) -> Iterator[Result]:
        if name not in PART_BYTES:
            print(f"{name} does not enforce If-Match on CompleteMultipartUpload: copies in parts are not stormed there")
            return
        for attempts in (1, 2):
            yield copies_one_by_one(self.urls[name], attempts, PART_BYTES[name])

    def shaken(self, name: str) -> Iterator[Result]:
        yield at_random(self.endpoint(name), self.kills // 2, self.seed, self.folder)

    def streams(self, name: str) -> Iterator[Result]:
        if name != "moto":
            print(f"{name} has no Kinesis, or loses a split shard with its records: streams are not stormed there")
            return
        tally = stream_storm(self.urls[name], self.kills, self.seed, self.folder)
        row = (
            tally.producers,
            tally.consumers,
            tally.steps,
            tally.broken,
            tally.events,
            tally.records,
            len(tally.wrong),
        )
        yield row, tally.wrong

    def iceberg(self, name: str) -> Iterator[Result]:
        if name == "seaweed":
            print("seaweed has no Glue of its own: Iceberg tables are not stormed there")
            return
        endpoint = self.endpoint(name)
        lake = replace(endpoint.lake(), scratch=self.folder)
        orders = Orders(lake, self.urls[name], contract(partition_by=["day(order_date)"]))
        tally = iceberg_storm(orders, self.kills, self.seed)
        row = (tally.kills, tally.published, tally.refused, tally.reads, len(tally.bad), len(tally.unhealed))
        yield row, [*tally.bad, *tally.unhealed, *["a writer crashed"] * tally.crashed]

    def promotions(self, name: str) -> Iterator[Result]:
        for wanted in (CONTRACT, VERSIONED):
            endpoint = replace(self.endpoint(name), contract=wanted)
            tally, ends = promotion_storm(endpoint, self.kills, self.seed, self.folder)
            row = (
                wanted.storage.layout,
                tally.kills,
                ends.promoted,
                ends.refused,
                ends.halves,
                tally.published,
                tally.reads,
                len(tally.bad),
                len(tally.unhealed),
            )
            yield row, [*tally.bad, *tally.unhealed, *["a process crashed"] * tally.crashed]

    def crowded(self, name: str) -> Iterator[Result]:
        yield at_one_moment(self.endpoint(name), max(self.kills // 5, 2), self.folder)

    def table(self, title: str, columns: Sequence[str], rows: Callable[[str], Iterator[Result]]) -> None:
        """Run one kind of storm on every endpoint and print what it saw."""
        table = Table(title=title, title_justify="left")
        for column in ("endpoint", *columns, "seconds"):
            table.add_column(column, justify="left" if column == "endpoint" else "right")
        for name in self.urls:
            began = time.monotonic()
            for row, wrong in rows(name):
                table.add_row(name, *map(str, row), f"{time.monotonic() - began:.0f}")
                began = time.monotonic()
                self.failed |= bool(wrong)
                for problem in wrong[:5]:
                    print(f"{title}; {name}: {problem}", flush=True)
        Console(width=120).print(table)


def main() -> int:
    """Run the storms."""
    parser = argparse.ArgumentParser(description="Kill writers and break requests while readers look.")
    parser.add_argument("--kills", type=int, default=150, help="per endpoint and number of writers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=STORMS, action="append", help="one kind of storm; may be repeated")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # what writers complain of is what the storms do to them
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {
            "moto": stack.enter_context(running_moto()),
            "ministack": stack.enter_context(running_ministack(folder / "ministack")),
            "seaweed": stack.enter_context(running_seaweed(folder / "seaweed")),
        }
        storms = Storms(urls, folder, arguments.kills, arguments.seed)
        storms.run(arguments.only or list(STORMS))
    return int(storms.failed)


if __name__ == "__main__":
    sys.exit(main())
