"""The command line in this process, over a lake of a test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from click.testing import Result
from typer.testing import CliRunner

from lakeworks import cli
from lakeworks.lake import Lake
from lakeworks.settings import current_settings


@contextmanager
def commands_of(lake: Lake, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Yield a function that runs `lakeworks …`; it raises what the command raised."""
    environment = {
        "LAKE_BUCKET": lake.store.bucket, "LAKE_SCRATCH_DIR": str(lake.scratch), "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "LAKE_LINEAGE_URL": "off", "LAKE_ENV_FILE": "off",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        current_settings.cache_clear()
        done = CliRunner().invoke(cli.app, list(arguments))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    current_settings.cache_clear()
    yield run
    current_settings.cache_clear()
