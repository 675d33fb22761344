"""A tenant: a customer, team or region. Its data is in the same bucket, and other tenants cannot read it.

Keys gain a level below their first part (`silver/tenant=acme/market/prices/…`), databases a prefix (`acme__silver_market`).
`__` cannot occur in an id, a layer or a domain, so neither `acme__*` nor `tenant=acme/*` ever matches another tenant's.
"""

import re
from dataclasses import dataclass

from lakeworks.errors import ConfigError

# Words of letters and digits joined by single hyphens: safe in a key, a policy pattern, a DAG id and (as `_`) a database.
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LENGTHS = range(2, 32)


@dataclass(frozen=True, order=True)
class Tenant:
    """A tenant's id, checked; `str()` gives it back."""

    id: str

    def __post_init__(self) -> None:
        if len(self.id) not in _LENGTHS or not _ID.fullmatch(self.id):
            raise ConfigError(
                f"`{self.id}` is not a tenant id. Nothing was done. An id has {_LENGTHS.start} to {_LENGTHS.stop - 1} "
                "characters: lower-case letters and digits in words joined by single hyphens, beginning with a letter "
                "(`acme`, `acme-emea`)."
            )

    def __str__(self) -> str:
        """Return the id."""
        return self.id

    @property
    def level(self) -> str:
        """The key level, in Hive's spelling: `tenant=acme`."""
        return f"tenant={self.id}"

    @property
    def database_prefix(self) -> str:
        """Return the prefix of the tenant's Glue databases and of no other's: `acme__`."""
        return self.id.replace("-", "_") + "__"

    def database(self, name: str) -> str:
        """Return the tenant's Glue database for a `<layer>_<domain>`."""
        return self.database_prefix + name


def database_of(tenant: Tenant | None, name: str) -> str:
    """Return the Glue database for a `<layer>_<domain>`."""
    return tenant.database(name) if tenant else name
