"""Airflow connections and settings turned into the library's collaborators; secrets stop here."""

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from lakeworks.settings import settings

if TYPE_CHECKING:
    from lakeworks.pipeline.lake import Lake
    from lakeworks.sources import RequestSource, Source


def connect_lake() -> "Lake":
    """The lake of this deployment, with the credentials of the Airflow connection LAKE_AWS_CONN_ID."""
    from lakeworks.pipeline.lake import Lake

    return Lake.of(settings(), lake_client("s3"), lake_client("glue"))


def lake_client(service: str, region: str | None = None) -> Any:
    """A boto3 client of any service with the credentials of the Airflow connection LAKE_AWS_CONN_ID."""
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    from lakeworks.pipeline.lake import client_config

    found = settings()
    place, config = region or found.region, client_config(found)
    return AwsBaseHook(found.aws_conn_id, client_type=service, region_name=place, config=config).get_conn()


def connect_source(name: str, lake: "Lake") -> "Source | RequestSource":
    """A source's client, with its quota kept in the lake.

    Its Airflow connection (id = source name) may give another address than the vendor's own (host, schema, port), the key or
    token (password) and the client's options (extra), such as `{"profile": "premium"}`.
    """
    from lakeworks.pipeline.inbox import LakeInbox
    from lakeworks.pipeline.quota import LakeState
    from lakeworks.sources import Access, open_source

    state, inbox = LakeState(lake.store), LakeInbox(lake.store)
    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return open_source(name, access=Access(state=state, inbox=inbox))
    host = connection.host or ""
    if host and "://" not in host:
        port = f":{connection.port}" if connection.port else ""
        host = f"{connection.schema or 'https'}://{host}{port}"
    access = Access(host or None, connection.password or None, connection.extra_dejson, state, inbox)
    return open_source(name, access=access)
