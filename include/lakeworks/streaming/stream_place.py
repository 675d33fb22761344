"""A stream by its name in lake.yml, with the names of everything that belongs to it."""

from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path

from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import LakeConfig, load_config
from lakeworks.infrastructure.stream_config import (
    STREAM_SOURCE,
    LiveViewConfig,
    StreamConfig,
    checkpoint_table,
    live_table,
)
from lakeworks.settings import deployed_config_file


@dataclass(frozen=True)
class StreamPlace:
    """The names of a stream: in Kinesis, in DynamoDB and in landing."""

    name: str
    kinesis_name: str
    checkpoints: str
    live_view: str | None
    domain: str
    view: LiveViewConfig | None = None
    retention_hours: int = 168
    max_lag: timedelta = timedelta(minutes=15)

    @property
    def source(self) -> str:
        """Return the source as contracts name it."""
        return f"{STREAM_SOURCE}.{self.name}"


def find_stream(name: str, config_file: Path | None = None) -> StreamPlace:
    """Return the stream that lake.yml declares under this name.

    Raises:
        ConfigError: there is none.
    """
    config = load_config(config_file or deployed_config_file())
    known = {one.name: one for one in config.streams}
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = (
            f"Did you mean `{near[0]}`?"
            if near
            else f"Add `streams: [{{name: {name}}}]`, then run lakeworks bootstrap."
        )
        raise ConfigError(f"lake.yml declares no stream `{name}`. Nothing was done. {hint} See docs/streaming.md.")
    return _place(config, known[name])


def deployed_streams(config_file: Path | None = None) -> list[StreamPlace]:
    """Return the streams that lake.yml declares."""
    config = load_config(config_file or deployed_config_file())
    return [_place(config, one) for one in config.streams]


def _place(config: LakeConfig, one: StreamConfig) -> StreamPlace:
    made = one.stream_name(config.project, config.environment)
    live = live_table(made) if one.live_view else None
    return StreamPlace(
        one.name,
        made,
        checkpoint_table(made),
        live,
        one.domain or one.name,
        one.live_view,
        one.retention_hours,
        timedelta(minutes=one.max_lag_minutes),
    )
