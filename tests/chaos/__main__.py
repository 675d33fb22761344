"""`make chaos`: the long storm on all three endpoints; prints one table and fails on any bad read."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.harness import Endpoint, settled, storm
from tests.conftest import new_store, running_ministack, running_moto, running_seaweed


def main() -> int:
    """Run the storms."""
    parser = argparse.ArgumentParser(description="Kill writers while readers look.")
    parser.add_argument("--kills", type=int, default=150, help="per endpoint and number of writers")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    table = Table(title="writers killed with SIGKILL while a reader reads")
    for name in (
        "endpoint",
        "writers at once",
        "kills",
        "published",
        "refused",
        "reads",
        "bad reads",
        "left wrong",
        "seconds",
    ):
        table.add_column(name, justify="left" if name == "endpoint" else "right")
    failed = False
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        moto = stack.enter_context(running_moto())
        urls = {
            "moto": moto,
            "ministack": stack.enter_context(running_ministack(folder / "ministack")),
            "seaweed": stack.enter_context(running_seaweed(folder / "seaweed")),
        }
        for name, url in urls.items():
            for writers in (1, 3):
                endpoint = Endpoint(url, moto if name == "seaweed" else url, new_store(url).bucket)
                drop_databases(endpoint)
                tally = storm(endpoint, arguments.kills, arguments.seed, folder, writers)
                wrong = settled(endpoint)
                row = (writers, tally.kills, tally.published, tally.refused, tally.reads, len(tally.bad), len(wrong))
                table.add_row(name, *map(str, row), f"{tally.seconds:.0f}")
                failed |= bool(tally.bad or wrong)
                for problem in [*tally.bad[:5], *wrong[:5]]:
                    print(f"{name}, {writers} writers: {problem}")
    Console(width=120).print(table)
    return int(failed)


def drop_databases(endpoint: Endpoint) -> None:
    """Each storm has the catalog to itself."""
    glue = endpoint.lake().catalog.client
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])


if __name__ == "__main__":
    sys.exit(main())
