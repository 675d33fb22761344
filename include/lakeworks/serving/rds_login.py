"""Login to RDS and Aurora by IAM: `iam=true` in the address, and a token in place of a password.

A token lives for 15 minutes and is made by botocore on this machine, without a request. Each connection gets a new one, so
no process keeps one that has run out. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.errors import ConfigError

# Gives a boto3 client of RDS for a region; None is the lake's region.
RdsClient = Callable[[str | None], Any]

_OPTION = "iam"
_ENDPOINT = re.compile(r"\.([a-z0-9-]+)\.rds\.amazonaws\.com(\.cn)?$")
_PORT = "5432"


def split_login(address: str) -> tuple[str, bool]:
    """Return an address without our option `iam`, which PostgreSQL does not know, and whether it asks for a token.

    Raises:
        ConfigError: the option has another value than true or false.
    """
    place, mark, query = address.partition("?")
    options = [item.partition("=") for item in query.split("&")] if mark else []
    asked = [value.lower() for name, _, value in options if name == _OPTION]
    if not asked:
        return address, False
    if asked[-1] not in ("true", "false"):
        raise ConfigError(
            f"The address of PostgreSQL has `iam={asked[-1]}`. Nothing was served. Write iam=true for a login by IAM."
        )
    others = "&".join("".join(item) for item in options if item[0] != _OPTION)
    return f"{place}?{others}" if others else place, asked[-1] == "true"


def login_options(options: Mapping[str, Any], rds: RdsClient | None) -> dict[str, Any]:
    """Return the options with a fresh token as password. The server must prove its name, or another could take it.

    Raises:
        ConfigError: there is no host or user, the address weakens TLS, or no AWS credentials are at hand.
        CredentialsExpired, LakeAccessDenied: the AWS credentials do not sign.
    """
    host, user, mode = (str(options.get(name) or "") for name in ("host", "user", "sslmode"))
    if not user or not host or host.startswith("/") or "," in host:
        raise ConfigError(
            "A login by IAM needs one host and a user in the address of PostgreSQL. Nothing was served. Write "
            "postgresql://user@<endpoint of RDS>/database?iam=true."
        )
    if mode not in ("", "verify-full"):
        raise ConfigError(
            f"The address of PostgreSQL has iam=true and sslmode={mode}, which would show the token to a server that proves "
            "nothing. Nothing was served. Leave sslmode out, and name the certificates of RDS in sslrootcert."
        )
    if rds is None:
        raise ConfigError("A login by IAM needs AWS credentials, and this process has none for it. Nothing was served.")
    port, found = str(options.get("port") or _PORT), _ENDPOINT.search(host)
    with translated("sign a login to", host):
        client = rds(found[1] if found else None)
        token = client.generate_db_auth_token(DBHostname=host, Port=int(port), DBUsername=user)
    certificates = options.get("sslrootcert") or "system"
    return {**options, "password": token, "sslmode": "verify-full", "sslrootcert": certificates}
