"""A worker that serves for ever, for the storm to kill: `python -m tests.lakeworks.serving.follower S3_URL BUCKET ADDRESS`."""

import sys
from pathlib import Path
from tempfile import gettempdir

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import ServingUnavailable
from lakeworks.lake import Lake
from lakeworks.s3.object_store import ObjectStore
from lakeworks.serving.database import connected
from lakeworks.serving.following import serve
from tests.conftest import client
from tests.lakeworks.serving.conftest import contract


def main(url: str, bucket: str, address: str) -> None:
    """Serve, whatever happens to the connection."""
    scratch = Path(gettempdir())
    lake = Lake(ObjectStore(client("s3", url), bucket), GlueCatalog(None), DuckDbEngine(), scratch)  # type: ignore[arg-type]
    while True:
        try:
            with connected(address) as connection:
                while True:
                    serve(connection, lake, contract(), again=True)
        except ServingUnavailable:
            continue


if __name__ == "__main__":
    main(*sys.argv[1:])
