"""The keys that a store may use: all of the lake's, a tenant's share of them, or a dev lake's."""

from dataclasses import dataclass

from lakeworks.core.lake_limits import check_key
from lakeworks.core.layout import own_key, tenant_key
from lakeworks.core.tenant import Tenant
from lakeworks.s3.dev_branch import DevBranch, parents_key


@dataclass(frozen=True)
class KeySpace:
    """Translation between the lake's keys, which callers use, and the bucket's."""

    tenant: Tenant | None = None
    dev: DevBranch | None = None

    def at(self, key: str) -> str:
        """Return the key in the bucket; NotStorable for one that is too long."""
        return check_key(tenant_key(self.tenant, self.dev.key(key) if self.dev else key))

    def own(self, key: str) -> str:
        """Return the caller's key for a key in the bucket: the reverse of `at`."""
        own = own_key(self.tenant, key)
        return self.dev.own(own) if self.dev else own

    def to_read(self, key: str) -> list[str]:
        """Return where a document may be: at its key, and for a dev lake at the live lake's key, too."""
        return [key, parents_key(key)] if self.dev else [key]

    def refuse_write(self, key: str) -> None:
        """Refuse to write at a key that belongs to a dev lake's live lake.

        Raises:
            ConfigError: it does.
        """
        if self.dev:
            self.dev.refuse_write(key)
