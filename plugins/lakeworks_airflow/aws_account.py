"""boto3 clients of an Airflow connection, made in a tenth of the time that the provider's hook takes."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from lakeworks.errors import ConfigError
from lakeworks.settings import current_settings

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook


@dataclass(frozen=True)
class Account:
    """The credentials of one connection, in one region.

    Clients do not come from `hook.get_conn()`. For its user agent it reads the source of every function on the call stack.
    Every hook's session also parses botocore's descriptions of S3 and Glue again. That took a quarter of the tasks' time in a
    year of the shop (py-spy).
    """

    hook: "AwsBaseHook"
    session: Any

    @classmethod
    def of(cls, conn_id: str, region: str) -> Self:
        """Return the account behind a connection.

        Raises:
            ConfigError: the connection names another region than the lake's settings.
        """
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

        hook = AwsBaseHook(conn_id, client_type="s3", region_name=region)
        _check_region(conn_id, hook.conn_config.extra_config.get("region_name"), current_settings().region)
        session = hook.get_session(region_name=region)
        session._session.register_component("data_loader", service_descriptions())  # boto3 has no public API for it
        return cls(hook, session)

    def client(self, service: str, *, checked: bool = True) -> Any:
        """Return a client of a service; `checked` as in `client_config`.

        The connection's `config_kwargs` (proxies, FIPS endpoints, addressing style, retries) override our own settings.
        """
        from lakeworks.lake import client_config

        config = client_config(current_settings(), checked=checked)
        if connections := self.hook.conn_config.botocore_config:
            config = config.merge(connections)
        return self.session.client(
            service,
            endpoint_url=self.hook.conn_config.get_service_endpoint_url(service_name=service),
            config=config,
            verify=self.hook.verify,
        )


def _check_region(conn_id: str, connections: str | None, settings: str) -> None:
    """Refuse a connection of another region: the lake would be made in an unexpected region."""
    if connections and connections != settings:
        raise ConfigError(
            f"The Airflow connection `{conn_id}` names region {connections}, the lake's settings name {settings} (LAKE_REGION, "
            "else AWS_REGION or AWS_DEFAULT_REGION). Nothing was done. Correct one of them."
        )


@cache
def service_descriptions() -> Any:
    """Return botocore's service descriptions, read once per process. A forking process reads them for its children."""
    import boto3

    # with explicit keys; without them it would look for keys on the network
    session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")  # noqa: S106
    for service in ("s3", "glue"):
        session.client(service)
    return session._session.get_component("data_loader")
