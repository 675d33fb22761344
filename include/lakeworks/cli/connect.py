"""The lake as the command line reaches it: LAKE_* settings and boto3's own credential chain."""

from lakeworks.pipeline.lake import Lake
from lakeworks.settings import settings


def connect() -> Lake:
    """The lake of this environment.

    Raises:
        ConfigError: a setting is missing.
    """
    import boto3

    return Lake.connect(settings(), boto3.Session())
