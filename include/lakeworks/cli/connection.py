"""Connections of the command line: LAKE_* settings and boto3's own credential chain."""

from typing import TYPE_CHECKING, Any

from lakeworks.aws_errors import configured, translated
from lakeworks.cli.dev_choice import dev_of
from lakeworks.lake import Lake, client_config
from lakeworks.settings import Settings, current_settings

if TYPE_CHECKING:
    from lakeworks.shares.signing import Signer


def connect() -> Lake:
    """Return the lake of this environment.

    Raises:
        ConfigError: a setting is missing or wrong.
    """
    import boto3

    settings = _settings()
    with configured():
        return Lake.connect(settings, boto3.Session())


def _settings() -> Settings:
    """Return the settings with the dev lake of `--dev`.

    Raises:
        ConfigError: a setting is missing or wrong, or the command does not work in the dev lake that LAKE_DEV names.
    """
    settings = current_settings()
    return settings.model_copy(update={"dev": dev_of(settings.dev)})


def connect_live() -> Lake:
    """Return the live lake of this environment, whatever LAKE_DEV says.

    Raises:
        ConfigError: a setting is missing or wrong.
    """
    import boto3

    settings = current_settings().model_copy(update={"dev": None})
    with configured():
        return Lake.connect(settings, boto3.Session())


def signer() -> "Signer":
    """Return the signer of presigned addresses.

    Raises:
        ConfigError: a setting is missing or wrong, or there are no credentials.
    """
    import boto3

    from lakeworks.shares.signing import Signer

    settings = current_settings()
    with configured():
        return Signer.of(boto3.Session(), client_config(settings), settings.region)


def client(service: str, region: str | None = None) -> Any:
    """Return a boto3 client of any service, set up like the lake's own.

    Raises:
        ConfigError: a setting is missing or wrong.
    """
    import boto3

    settings = _settings()
    with configured():
        return boto3.Session().client(service, region_name=region or settings.region, config=client_config(settings))  # type: ignore[call-overload]


def own_account() -> str:
    """Return the account of the credentials.

    Raises:
        LakeAccessDenied, CredentialsExpired: AWS does not know the credentials.
    """
    with translated("ask for the account of", "these credentials"):
        return str(client("sts").get_caller_identity()["Account"])
