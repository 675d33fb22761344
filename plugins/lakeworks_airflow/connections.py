"""Connections: make the library's collaborators from Airflow connections and settings. Secrets go no further."""

import json
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from lakeworks.core.tenant import Tenant
from lakeworks.errors import ConfigError
from lakeworks.settings import current_settings
from lakeworks_airflow.aws_account import Account

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lakeworks.lake import Lake
    from lakeworks.permissions.lake_address import LakeAddress
    from lakeworks.sources import AnySource


def connect_lake(tenant: str | None = None) -> "Lake":
    """Connect to this deployment's lake with the credentials of the Airflow connection LAKE_AWS_CONN_ID.

    A tenant's share uses the tenant's own connection (LAKE_TENANT_CONN_PREFIX), so its tasks can do only what its policy
    allows.

    Raises:
        ConfigError: the tenant's connection is missing; the owner's credentials are never used in its place.
    """
    return _lake(connection_id(tenant), Tenant(tenant) if tenant else None)


def connection_id(tenant: str | None = None) -> str:
    """Return the Airflow connection with the lake's AWS credentials, or with those of a tenant.

    Raises:
        ConfigError: the tenant's connection is missing; the owner's credentials are never used in its place.
    """
    settings = current_settings()
    if tenant is None:
        return settings.aws_conn_id
    conn_id = f"{settings.tenant_conn_prefix}{tenant}"
    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise ConfigError(
            f"Tenant `{tenant}` has no Airflow connection `{conn_id}`. Nothing was run, and the lake's own credentials were "
            "not used instead. Create it with the tenant's role (extra `role_arn`), or set LAKE_TENANT_CONN_PREFIX; see "
            "docs/tenants.md."
        ) from error
    return conn_id


def _lake(conn_id: str, tenant: Tenant | None) -> "Lake":
    from lakeworks.lake import Lake

    account = Account.of(conn_id, current_settings().region)
    clients = account.client("s3"), account.client("glue", checked=False)
    return Lake.of(current_settings(), *clients, tenant, account.client)


def serving_address(conn_id: str | None) -> str:
    """Return the address of the PostgreSQL that serves tables: from a connection, else from LAKE_SERVING_URL.

    Raises:
        ConfigError: there is none.
    """
    address = current_settings().serving_url
    if conn_id is not None:
        try:
            return _uri(BaseHook.get_connection(conn_id))
        except AirflowNotFoundException as error:
            raise ConfigError(
                f"There is no Airflow connection `{conn_id}`. Nothing was served. Create it with type Postgres, its extra "
                '`{"sslmode": "verify-full"}`; see docs/serving.md.'
            ) from error
    if address is None:
        raise ConfigError(
            "LAKE_SERVING_URL is not set, and no `conn_id` is given. Nothing was served. See docs/serving.md."
        )
    return address.get_secret_value()


def _uri(connection: "Connection") -> str:
    """Return a connection as a URI. Airflow puts extras into it as they are only if all of them are texts."""
    extra = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in connection.extra_dejson.items()
    }
    connection.extra = json.dumps(extra) if extra else None
    return str(connection.get_uri())


def lake_address() -> "LakeAddress":
    """Return the lake's address for IAM, with the account of the credentials.

    Raises:
        LakeError: STS does not say whose credentials these are.
    """
    from lakeworks.aws_errors import translated
    from lakeworks.permissions.lake_address import LakeAddress

    with translated("ask for the account of", "these credentials"):
        account = str(lake_client("sts").get_caller_identity()["Account"])
    return LakeAddress.of(current_settings(), account)


def lake_client(service: str, region: str | None = None, conn_id: str | None = None, *, checked: bool = True) -> Any:
    """Return a boto3 client of any service with the credentials of an Airflow connection (default: LAKE_AWS_CONN_ID).

    `checked` as in `client_config`.
    """
    settings = current_settings()
    return Account.of(conn_id or settings.aws_conn_id, region or settings.region).client(service, checked=checked)


def connect_source(name: str, lake: "Lake") -> "AnySource":
    """Connect to a source. Its quota is kept in the lake.

    Its Airflow connection has the source's name as id. It may give an address other than the vendor's (host, schema, port). It
    may give the key or token (password) and the client's options (extra), such as `{"profile": "premium"}`.
    """
    from lakeworks.landing.inbox import LakeInbox
    from lakeworks.landing.quota import LakeState
    from lakeworks.sources import SourceConnection, open_source
    from lakeworks.sources.connection_fields import ConnectionFields
    from lakeworks.streaming.windows import LandedWindows

    state, inbox = LakeState(lake.store), LakeInbox(lake.store)
    windows = LandedWindows(lake.store, lambda: lake_client("dynamodb"))
    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return open_source(name, access=SourceConnection(state=state, inbox=inbox, windows=windows))
    fields = ConnectionFields(connection.host or "", connection.schema or "", connection.port)
    secret, options = connection.password or None, connection.extra_dejson
    access = SourceConnection(fields.address, secret, options, state, inbox, windows)
    return open_source(name, access=access)
