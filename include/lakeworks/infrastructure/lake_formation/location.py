"""A bucket registered with Lake Formation, which then gives readers its own credentials for it."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.resource import Document, Resource

_LINKED = "/aws-service-role/lakeformation.amazonaws.com/"
_LINKED_NAME = "the service-linked role"


@dataclass(frozen=True, kw_only=True)
class RegisteredLocation(Resource):
    """A registered bucket; `name` is its ARN. A registration does not show its author, so one that differs is kept."""

    kind: ClassVar[str] = "lake formation location"
    service: ClassVar[str] = "lakeformation"
    role_arn: str | None = None
    hybrid_access: bool = False

    def desired(self) -> Document:
        """Return the role, and whom Lake Formation governs there."""
        return {"Role": self.role_arn or _LINKED_NAME, "HybridAccess": self.hybrid_access}

    def read(self, client: Any) -> Document | None:
        """Return the registration."""
        found = client.describe_resource(ResourceArn=self.name)["ResourceInfo"]
        role = found.get("RoleArn", _LINKED_NAME)
        return {
            "Role": _LINKED_NAME if _LINKED in role else role,
            "HybridAccess": found.get("HybridAccessEnabled", False),
        }

    def conflict(self, current: Document) -> str:
        """Refuse to change a registration: data that others read by it might become unreadable."""
        if current == self.desired():
            return ""
        mode = "with" if current["HybridAccess"] else "without"
        return (
            f"it is registered with {current['Role']}, {mode} hybrid access. Write that into lake.yml (`registration_role`, "
            "`hybrid_access`), or deregister it first: aws lakeformation deregister-resource"
        )

    def write(self, client: Any, target: Document) -> None:
        """Register the bucket. If another bootstrap was quicker, reading back compares."""
        role = {"RoleArn": self.role_arn} if self.role_arn else {"UseServiceLinkedRole": True}
        with suppress(client.exceptions.AlreadyExistsException):
            client.register_resource(ResourceArn=self.name, HybridAccessEnabled=self.hybrid_access, **role)
