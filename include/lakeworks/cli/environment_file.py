"""The project's `.env`: LAKE_* and AWS_* variables. A variable of the environment takes precedence."""

import os
from io import StringIO
from pathlib import Path

from lakeworks.errors import ConfigError

SETTING = "LAKE_ENV_FILE"
_OFF = "off"
_OURS = ("LAKE_", "AWS_")


def load_environment_file() -> None:
    """Set the LAKE_* and AWS_* variables of `.env` that the environment does not have; the others are for docker-compose.

    Raises:
        ConfigError: the file cannot be read, or a line is not NAME=value; names file and line.
    """
    path = _file()
    if path is None:
        return
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"`{path}` cannot be read: {error}. Nothing was run. Correct it, or set {SETTING}=off."
        ) from error
    for name, value in _variables(path, text).items():
        if value and name.startswith(_OURS):
            os.environ.setdefault(name, value)


def _file() -> Path | None:
    named = os.environ.get(SETTING)
    if named == _OFF:
        return None
    if named:
        if not Path(named).is_file():
            raise ConfigError(f"{SETTING} is `{named}`, and there is no such file. Nothing was run.")
        return Path(named)
    file = _folder() / ".env"
    return file if file.exists() else None


def _folder() -> Path:
    from lakeworks.project import current_project

    try:
        return current_project().root
    except ConfigError:  # a command that needs a project says so itself
        return Path()


def _variables(path: Path, text: str) -> dict[str, str | None]:
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    wrong = [str(binding.original.line) for binding in parse_stream(StringIO(text)) if binding.error]
    if wrong:
        raise ConfigError(f"`{path}`: line {', '.join(wrong)} is not NAME=value. Nothing was run.")
    return dotenv_values(stream=StringIO(text))
