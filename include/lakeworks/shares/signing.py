"""Credentials that sign an address, and the longest life of the address: limited by S3 and by the credentials' own end."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lakeworks.errors import ConfigError

# The maximum of signature version 4.
LONGEST = timedelta(days=7)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(\d{1,5})([mhd])")


@dataclass(frozen=True)
class Signer:
    """An S3 client that signs with version 4, and the facts known about its credentials."""

    client: Any
    access_key: str
    temporary: bool = False
    end: datetime | None = None

    @classmethod
    def of(cls, session: Any, config: Any, region: str) -> "Signer":
        """Make a signer from a boto3 session.

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

    def until(self, now: datetime, duration: timedelta) -> datetime:
        """Return when an address made now ends: at the requested time, or earlier with the credentials.

        Raises:
            ConfigError: the credentials have expired.
        """
        end = now + duration
        if self.end is not None:
            end = min(end, self.end)
        if end <= now:
            raise ConfigError(
                "The signing credentials have expired. Nothing was shared. Fetch new ones, then share again."
            )
        return end


def duration_of(text: str) -> timedelta:
    """Parse `30m`, `1h` or `2d`.

    Raises:
        ConfigError: it is no duration, or longer than S3 allows.
    """
    match = _DURATION.fullmatch(text)
    duration = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < duration <= LONGEST:
        raise ConfigError(f"`{text}` is not a duration. Nothing was shared. Write 30m, 1h or 2d; at most 7d.")
    return duration


def _end_of(credentials: Any) -> datetime | None:
    """Return when the credentials expire: botocore knows it for a role or profile, a variable for the environment's."""
    known = getattr(credentials, "_expiry_time", None)
    if known is None and credentials.method == "env" and (text := os.environ.get("AWS_CREDENTIAL_EXPIRATION")):
        try:
            known = datetime.fromisoformat(text)
        except ValueError:
            return None
    return known.astimezone(UTC) if isinstance(known, datetime) else None
