"""Credentials that sign an address, and its longest life: what S3 allows, and what the credentials themselves have left."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lakeworks.errors import ConfigError

# Signature version 4 admits no more.
LONGEST = timedelta(days=7)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(\d{1,5})([mhd])")


@dataclass(frozen=True)
class Signer:
    """An S3 client that signs with version 4, and what is known of its credentials."""

    client: Any
    access_key: str
    temporary: bool = False
    end: datetime | None = None

    @classmethod
    def of(cls, session: Any, config: Any, region: str) -> "Signer":
        """A signer of a boto3 session.

        Raises:
            ConfigError: there are no credentials.
        """
        from botocore.config import Config

        credentials = session.get_credentials()
        if credentials is None:
            raise ConfigError(
                "There are no AWS credentials to sign with. Nothing was shared. See docs/configuration.md."
            )
        frozen = credentials.get_frozen_credentials()
        client = session.client("s3", region_name=region, config=config.merge(Config(signature_version="s3v4")))
        return cls(client, frozen.access_key, bool(frozen.token), _end_of(credentials))

    def until(self, now: datetime, wanted: timedelta) -> datetime:
        """Return when an address made now really ends.

        Raises:
            ConfigError: the credentials have ended.
        """
        end = now + wanted
        if self.end is not None:
            end = min(end, self.end)
        if end <= now:
            raise ConfigError(
                "The credentials to sign with have ended. Nothing was shared. Fetch new ones, then share again."
            )
        return end


def duration_of(text: str) -> timedelta:
    """Read `30m`, `1h` or `2d`.

    Raises:
        ConfigError: it is none, or longer than S3 allows.
    """
    match = _DURATION.fullmatch(text)
    found = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < found <= LONGEST:
        raise ConfigError(f"`{text}` is no time to share for. Nothing was shared. Write 30m, 1h or 2d; at most 7d.")
    return found


def _end_of(credentials: Any) -> datetime | None:
    """Return when credentials end: of a role or profile botocore knows it, of the environment its own variable says it."""
    known = getattr(credentials, "_expiry_time", None)
    if known is None and credentials.method == "env" and (text := os.environ.get("AWS_CREDENTIAL_EXPIRATION")):
        try:
            known = datetime.fromisoformat(text)
        except ValueError:
            return None
    return known.astimezone(UTC) if isinstance(known, datetime) else None
