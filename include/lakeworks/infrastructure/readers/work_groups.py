"""`athena:` of lake.yml: the lake's own work group, those of analysts, and those of tenants."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field, field_validator, model_validator

from lakeworks.core.layout import RESULTS, tenant_key
from lakeworks.core.tenant import Tenant
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.lifecycle_config import WORD, Part

# Athena's limit for a work group's name.
_LONGEST_NAME = 128
_OF_TENANT = "tenant-"


class AnalystGroup(Part):
    """A work group for a team of analysts, with a folder of results that other teams cannot read."""

    name: str = Field(pattern=WORD, description="Added to the name of the lake's own group.")
    scan_limit_bytes: int = Field(1024**3, ge=10_000_000, description="A query that would scan more is cancelled.")

    @field_validator("name")
    @classmethod
    def _is_no_tenants(cls, name: str) -> str:
        if name.startswith(_OF_TENANT):
            raise ValueError(f"names that begin with `{_OF_TENANT}` are those of tenants' groups")
        return name


class TenantGroup(Part):
    """The work group of one tenant, with its results among the tenant's own objects."""

    tenant: str = Field(description="Id of the tenant.")
    scan_limit_bytes: int = Field(1024**3, ge=10_000_000, description="A query that would scan more is cancelled.")

    @field_validator("tenant")
    @classmethod
    def _is_an_id(cls, tenant: str) -> str:
        try:
            return str(Tenant(tenant))
        except ConfigError as error:
            raise ValueError(str(error)) from error


class Athena(Part):
    """Work groups whose settings their users cannot override."""

    name: str | None = Field(None, description="Default: the bucket's name.")
    scan_limit_bytes: int = Field(1024**3, ge=10_000_000, description="A query that would scan more is cancelled.")
    analysts: tuple[AnalystGroup, ...] = ()
    tenants: tuple[TenantGroup, ...] = ()

    @model_validator(mode="after")
    def _has_each_once(self) -> "Athena":
        for names in ([one.name for one in self.analysts], [one.tenant for one in self.tenants]):
            if len(set(names)) < len(names):
                raise ValueError(f"two work groups are for `{max(names, key=names.count)}`")
        for group in self.groups("b" * 63):
            if len(group.name) > _LONGEST_NAME:
                raise ValueError(f"a work group's name has at most {_LONGEST_NAME} characters: {group.name}")
        return self

    def groups(self, bucket: str) -> Iterator["DeclaredGroup"]:
        """Yield the lake's own work group, then those of analysts and tenants."""
        own = self.name or bucket
        yield DeclaredGroup(own, f"{RESULTS}/", self.scan_limit_bytes)
        for group in self.analysts:
            yield DeclaredGroup(f"{own}-{group.name}", f"{RESULTS}/group={group.name}/", group.scan_limit_bytes)
        for one in self.tenants:
            results = tenant_key(Tenant(one.tenant), f"{RESULTS}/")
            yield DeclaredGroup(f"{own}-{_OF_TENANT}{one.tenant}", results, one.scan_limit_bytes, one.tenant)


@dataclass(frozen=True)
class DeclaredGroup:
    """A work group: its name in Athena, the prefix of its results, the bytes that a query may scan, its tenant."""

    name: str
    results: str
    scan_limit_bytes: int
    tenant: str | None = None


def group_of(athena: Athena, bucket: str, name: str | None) -> DeclaredGroup:
    """Return the group with that name in Athena; without a name the lake's own.

    Raises:
        ConfigError: lake.yml declares no such group, or it is a tenant's, whose policy is its own.
    """
    groups = list(athena.groups(bucket))
    for group in groups:
        if name == group.name and group.tenant:
            raise ConfigError(
                f"`{name}` is the work group of tenant `{group.tenant}`, whose policy opens its own share alone. Nothing was "
                f"done. Print it: lakeworks tenant policy {group.tenant}"
            )
        if name in (None, group.name):
            return group
    raise ConfigError(
        f"lake.yml declares no Athena work group `{name}`. Nothing was done. Declared: {', '.join(g.name for g in groups)}"
    )


def tenant_groups(athena: Athena | None, bucket: str) -> dict[str, str]:
    """Return the names of the tenants' work groups, by tenant."""
    return {one.tenant: one.name for one in (athena.groups(bucket) if athena else ()) if one.tenant}
