"""Airflow connections and settings turned into the library's collaborators; secrets stop here."""

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from lakeworks.core.tenant import Tenant
from lakeworks.errors import ConfigError
from lakeworks.settings import current_settings
from lakeworks_airflow.aws_account import Account

if TYPE_CHECKING:
    from lakeworks.lake import Lake
    from lakeworks.sources import AnySource
    from lakeworks.tenants.iam_policy import LakeAddress


def connect_lake(tenant: str | None = None) -> "Lake":
    """The lake of this deployment, with the credentials of the Airflow connection LAKE_AWS_CONN_ID.

    A tenant's share is reached with the tenant's own connection (LAKE_TENANT_CONN_PREFIX), so that its tasks can do what its
    policy allows and nothing else.

    Raises:
        ConfigError: the tenant's connection is missing; the owner's credentials are never used in its place.
    """
    found = current_settings()
    if tenant is None:
        return _lake(found.aws_conn_id, None)
    conn_id = f"{found.tenant_conn_prefix}{tenant}"
    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise ConfigError(
            f"Tenant `{tenant}` has no Airflow connection `{conn_id}`. Nothing was run, and the lake's own credentials were "
            "not used instead. Create it with the tenant's role (extra `role_arn`), or set LAKE_TENANT_CONN_PREFIX; see "
            "docs/tenants.md."
        ) from error
    return _lake(conn_id, Tenant(tenant))


def _lake(conn_id: str, tenant: Tenant | None) -> "Lake":
    from lakeworks.lake import Lake

    account = Account.of(conn_id, current_settings().region)
    return Lake.of(current_settings(), account.client("s3"), account.client("glue", checked=False), tenant)


def serving_address(conn_id: str | None) -> str:
    """The address of the PostgreSQL that serves tables: of a connection, else of LAKE_SERVING_URL.

    Raises:
        ConfigError: there is none.
    """
    found = current_settings().serving_url
    if conn_id is not None:
        try:
            return str(BaseHook.get_connection(conn_id).get_uri())
        except AirflowNotFoundException as error:
            raise ConfigError(
                f"There is no Airflow connection `{conn_id}`. Nothing was served. Create it with type Postgres, its extra "
                '`{"sslmode": "verify-full"}`; see docs/serving.md.'
            ) from error
    if found is None:
        raise ConfigError(
            "LAKE_SERVING_URL is not set, and no `conn_id` is given. Nothing was served. See docs/serving.md."
        )
    return found.get_secret_value()


def lake_address() -> "LakeAddress":
    """The lake as IAM spells it; the account is that of the credentials."""
    from lakeworks.tenants.onboarding import address_of

    return address_of(current_settings(), str(lake_client("sts").get_caller_identity()["Account"]))


def lake_client(service: str, region: str | None = None, conn_id: str | None = None, *, checked: bool = True) -> Any:
    """A boto3 client of any service with the credentials of an Airflow connection; LAKE_AWS_CONN_ID unless one is named.

    `checked` as in `client_config`.
    """
    found = current_settings()
    return Account.of(conn_id or found.aws_conn_id, region or found.region).client(service, checked=checked)


def connect_source(name: str, lake: "Lake") -> "AnySource":
    """A source's client, with its quota kept in the lake.

    Its Airflow connection (id = source name) may give another address than the vendor's own (host, schema, port), the key or
    token (password) and the client's options (extra), such as `{"profile": "premium"}`.
    """
    from lakeworks.landing.inbox import LakeInbox
    from lakeworks.landing.quota import LakeState
    from lakeworks.sources import SourceConnection, open_source

    state, inbox = LakeState(lake.store), LakeInbox(lake.store)
    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return open_source(name, access=SourceConnection(state=state, inbox=inbox))
    host = connection.host or ""
    if host and "://" not in host:
        port = f":{connection.port}" if connection.port else ""
        host = f"{connection.schema or 'https'}://{host}{port}"
    access = SourceConnection(host or None, connection.password or None, connection.extra_dejson, state, inbox)
    return open_source(name, access=access)
