"""Lake Formation in `lake.yml`: principals and grants."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from lakeworks.infrastructure.lake_formation.permissions import ALL_OF, EVERY_TABLE
from lakeworks.infrastructure.lifecycle_config import WORD, Part

# The group of everyone whom IAM admits; Lake Formation decides nothing where it has a permission.
OPEN_PRINCIPAL = "IAM_ALLOWED_PRINCIPALS"
_ARN = r"arn:aws[a-z-]*:"
_FORMS = (
    rf"{_ARN}iam::\d{{12}}:(user|role)/[\w+=,.@/-]+",
    rf"{_ARN}iam::\d{{12}}:saml-provider/[^:]+:(user|group)/.+",
    rf"{_ARN}quicksight:[a-z0-9-]+:\d{{12}}:(user|group)/.+",
    rf"{_ARN}identitystore:::(user|group)/.+",
    rf"{_ARN}organizations::\d{{12}}:(organization|ou)/o-.+",
    r"\d{12}(:IAMPrincipals)?",
)


def _check_principal(principal: str) -> str:
    if principal.upper().replace("_", "") == OPEN_PRINCIPAL.replace("_", ""):
        raise ValueError(
            "IAMAllowedPrincipals is everyone whom IAM admits: with a grant to it Lake Formation protects nothing. Name "
            "users or roles"
        )
    if ":assumed-role/" in principal:
        raise ValueError(f"`{principal}` is a session; name its role (arn:aws:iam::<account>:role/<name>)")
    if not any(re.fullmatch(form, principal) for form in _FORMS):
        raise ValueError(
            f"`{principal}` is no principal of Lake Formation. It takes the ARN of an IAM user or role, or of an organization. "
            "It also takes users and groups of SAML, QuickSight and Identity Center, and the 12 digits of an account"
        )
    return principal


Principal = Annotated[str, AfterValidator(_check_principal)]
_Permission = Literal["ALL", "SUPER", "SELECT", "INSERT", "DELETE", "DESCRIBE", "ALTER", "DROP", "CREATE_TABLE"]


class Grant(Part):
    """A Lake Formation grant on a Glue database, on a table of it, or on all its tables."""

    principal: Principal
    database: str
    table: str | None = Field(None, description=f"`{EVERY_TABLE}` means every table, also those to come.")
    permissions: tuple[_Permission, ...] = Field(min_length=1)

    @field_validator("permissions")
    @classmethod
    def _name_all_once(cls, permissions: tuple[str, ...]) -> tuple[str, ...]:
        """Return AWS's own name for what its console calls Super, and nothing beside it."""
        return ("ALL",) if {"ALL", "SUPER"} & set(permissions) else permissions

    @model_validator(mode="after")
    def _exist_there(self) -> "Grant":
        kind = "Table" if self.table else "Database"
        if strange := sorted(set(self.permissions) - ALL_OF[kind] - {"ALL"}):
            raise ValueError(
                f"a {kind.lower()} has no permission {', '.join(strange)}; it has ALL, {', '.join(sorted(ALL_OF[kind]))}"
            )
        return self


class Reader(Part):
    """Principals who read some tables, without the columns that their contracts protect."""

    name: str = Field(pattern=WORD, description="Part of the name of the column filters.")
    principals: tuple[Principal, ...] = Field(min_length=1)
    tables: tuple[str, ...] = Field(
        min_length=1, description="Tables, with wildcards: `gold.*`, `silver.market.prices`."
    )
    classification: Literal["public", "internal", "confidential", "restricted"] = Field(
        "internal", description="Highest classification of the columns that they see."
    )
    personal_data: bool = Field(default=False, description="They also see columns with `pii: true`.")
    withhold: tuple[str, ...] = Field(
        (), description="Further columns they do not see: <layer>.<domain>.<table>.<column>."
    )


class LakeFormation(Part):
    """A catalog that Lake Formation governs. Bootstrap must run as a data lake administrator of the account."""

    roles: tuple[Principal, ...] = Field(
        min_length=1, description="Roles that run the lake: they may create databases and tables over its buckets."
    )
    registration_role: str | None = Field(
        None,
        pattern=rf"^{_ARN}iam::\d{{12}}:role/",
        description="Role with which Lake Formation reads the buckets; default: its service-linked role.",
    )
    hybrid_access: bool = Field(
        default=False, description="Register the buckets so that only principals who opted in are governed."
    )
    tags: bool = Field(
        default=False,
        description="LF-tags `layer` and `domain` on databases, `classification` on tables and columns, from the contracts.",
    )
    readers: tuple[Reader, ...] = ()
    revoke_iam_allowed_principals: tuple[str, ...] = Field(
        (),
        description="Glue databases from which bootstrap revokes IAMAllowedPrincipals. Without it, IAM alone opens them.",
    )

    @field_validator("readers")
    @classmethod
    def _has_each_once(cls, readers: tuple[Reader, ...]) -> tuple[Reader, ...]:
        """Refuse two readers of one name or principal: AWS joins the columns of two filters."""
        for what, found in (
            ("readers have the name", [one.name for one in readers]),
            ("readers name", [principal for one in readers for principal in one.principals]),
        ):
            if len(set(found)) < len(found):
                raise ValueError(f"two {what} `{max(found, key=found.count)}`")
        return readers
