"""Fields of an Airflow connection, and the access to a source that they describe."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class ConnectionFields:
    """A connection without Airflow: from an environment variable, from the API, or from a connection object."""

    host: str = ""
    schema: str = ""
    port: int | None = None
    password: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str | None:
        """Return the base address; None if the connection has no host. The schema is the protocol, `https` by default."""
        if not self.host or "://" in self.host:
            return self.host or None
        port = f":{self.port}" if self.port else ""
        return f"{self.schema or 'https'}://{self.host}{port}"

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Make the fields from the names that Airflow's JSON and API use."""
        extra = document.get("extra") or {}
        return cls(
            str(document.get("host") or ""),
            str(document.get("schema") or ""),
            document.get("port"),
            document.get("password") or None,
            json.loads(extra) if isinstance(extra, str) else extra,
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the value of a variable `AIRFLOW_CONN_<ID>`, in its JSON form or as an address.

        Raises:
            ValueError: it is neither.
        """
        if text.lstrip().startswith("{"):
            return cls.of(json.loads(text))
        parts = urlsplit(text)
        said = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        extra = json.loads(said["__extra__"]) if "__extra__" in said else said
        host, password = unquote(parts.hostname or ""), unquote(parts.password or "")
        return cls(host, unquote(parts.path.strip("/")), parts.port, password or None, extra)
