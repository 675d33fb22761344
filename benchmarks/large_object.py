"""An object above 5 GB, put, fetched and compared: `python -m benchmarks.large_object [GB]`. Minutes, and that much disk twice.

The file is sparse; SeaweedFS stores every byte of it. S3 takes 5 GB in one request at most, so it must go in parts. Memory is
that of a process of its own for each step, less what its imports hold.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lakeworks.core.transfer_profile import PROFILES


def measured(step: str, url: str, bucket: str, folder: Path) -> dict[str, float | str]:
    """Run one step in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.large_object", "--step", step, url, bucket, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return found


def one_step(step: str, url: str, bucket: str, folder: Path) -> None:
    """Put or fetch, then print outcome, seconds and memory."""
    from tests.conftest import client

    from lakeworks.core.file_selection import LocalFile
    from lakeworks.objects.download import ObjectDownload
    from lakeworks.objects.key_range import KeyRange
    from lakeworks.objects.listing import objects_of
    from lakeworks.objects.upload import upload_objects
    from lakeworks.s3.object_store import ObjectStore

    store = ObjectStore(client("s3", url), bucket, PROFILES["medium"].threads, transfer=PROFILES["medium"])
    store.head("nothing")  # what boto3 loads at its first request is no part of the transfer
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    heard: list[int] = []
    if step == "put":
        (outcome,) = upload_objects(store, [LocalFile(folder / "big", "big")], "docs", heard.append)
    else:
        keys = KeyRange("docs")
        (outcome,) = ObjectDownload(store, keys, folder / "back", heard.append).run(list(objects_of(store, keys)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    facts = {"outcome": outcome.outcome, "why": outcome.why, "bytes": sum(heard), "parts": len(heard)}
    figures = {"seconds": round(time.monotonic() - began, 1), "mb_before": before // 1024, "mb_peak": peak // 1024}
    sys.stdout.write(json.dumps({**facts, **figures}) + "\n")


def main() -> None:
    """Make the file, run the steps, print a line each."""
    from tests.conftest import new_store, running_seaweed

    parser = argparse.ArgumentParser()
    parser.add_argument("--step")
    parser.add_argument("rest", nargs="*")
    arguments = parser.parse_args()
    if arguments.step:
        url, bucket, folder = arguments.rest
        one_step(arguments.step, url, bucket, Path(folder))
        return
    size = int(float(arguments.rest[0]) * 1e9) if arguments.rest else 5_500_000_000
    with tempfile.TemporaryDirectory() as named, running_seaweed(Path(named) / "seaweed") as url:
        folder = Path(named)
        with (folder / "big").open("wb") as file:
            file.truncate(size - 7)
            file.seek(size // 2)
            file.write(b"not all of it is a hole")
            file.seek(size - 7)
            file.write(b"the end")
        bucket = new_store(url).bucket
        for step in ("put", "put", "get", "get"):  # the second time there is nothing to send
            print(step, measured(step, url, bucket, folder), flush=True)
        assert (folder / "back" / "big").stat().st_size == size


if __name__ == "__main__":
    main()
