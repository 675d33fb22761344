"""`--dev` with every command: it works in the dev lake, or refuses before anything runs and says why."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from lakeworks import cli
from lakeworks.cli.dev_choice import TAKE_DEV
from lakeworks.cli.registry import COMMANDS
from lakeworks.errors import ConfigError
from lakeworks.settings import current_settings

WORDS = [entry.words for entry in COMMANDS]


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A lake that does not answer: a command that asks it fails otherwise than by a refusal."""
    monkeypatch.setenv("LAKE_BUCKET", "nowhere")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LAKE_ENV_FILE", "off")
    current_settings.cache_clear()
    yield
    current_settings.cache_clear()


def test_every_command_that_takes_it_is_a_command() -> None:
    assert set(WORDS) >= TAKE_DEV


@pytest.mark.parametrize("words", sorted(TAKE_DEV))
def test_a_command_that_works_in_a_dev_lake_shows_the_option(words: str) -> None:
    assert "--dev" in CliRunner().invoke(cli.app, [*words.split(), "--help"]).output


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("words", [words for words in WORDS if words not in TAKE_DEV])
def test_every_other_command_refuses_it_with_a_reason_before_it_runs(words: str) -> None:
    done = CliRunner().invoke(cli.app, [*words.split(), "--dev", "fix-42"])
    assert isinstance(done.exception, ConfigError), done.output
    refused, _, reason = str(done.exception).partition(" Leave out --dev. ")
    assert refused == f"`{words}` does not work in dev lake `fix-42`, so nothing was run."
    assert reason
