"""Connection to PostgreSQL, with its errors translated to lakeworks' errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lakeworks.errors import ConfigError, ServingRefused, ServingUnavailable
from lakeworks.serving.rds_login import RdsClient, login_options, split_login

if TYPE_CHECKING:
    import psycopg

_SECONDS = "10"
_LOCAL = ("localhost", "127.0.0.1", "::1")
# Not connected, out of resources, shutting down, read-only, or lost to another transaction: a retry may help.
_TRANSIENT = ("08", "53", "57", "25006", "40", "55", "58")
# In the text of errors without a code: the server refuses this login, or it does not prove who it is. A retry cannot help.
_LOGIN = ("authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied")
_CERTIFICATE = ("certificate", "does not support SSL", "SSL is not supported", "sslmode")
_CERTIFICATES = (
    " The server did not prove its name: name the certificates of its authority in sslrootcert (docs/serving.md), and the "
    "host as in the server's certificate."
)

# Next step by the beginning of PostgreSQL's code.
_NEXT = {
    "25006": "The server takes no writes. Run again after a failover; if it is a replica, name the primary in the address.",
    "53100": "Make room on the server, then run again.",
    "42501": "Grant this to the role of the address, then serve the table again.",
}


@contextmanager
def connected(address: str, rds: RdsClient | None = None) -> "Iterator[psycopg.Connection]":
    """Connect to `postgresql://user:password@host/database`. By default a remote server must prove its name (TLS).

    With `iam=true` in the address, the password is a token of RDS for this one connection.

    Raises:
        ConfigError: psycopg is not installed, or the address is wrong.
        CredentialsExpired, LakeAccessDenied: the AWS credentials do not sign a token.
        ServingUnavailable, ServingRefused: see `explained`.
    """
    try:
        import psycopg
    except ImportError as error:
        raise ConfigError(
            "Serving to PostgreSQL needs the extra `serve`: pip install 'lakeworks[serve]'. Nothing was served."
        ) from error
    plain, by_iam = split_login(address)
    options = connection_options(plain)
    if by_iam:
        options = login_options(options, rds)
    with explained("PostgreSQL"):
        connection = psycopg.connect(**options, autocommit=True, application_name="lakeworks")
    with connection:
        # The meaning of text must not depend on the server's settings.
        with explained("PostgreSQL"):
            connection.execute("SET TIME ZONE 'UTC'; SET datestyle = 'ISO, YMD'; SET lock_timeout = '60s'")
            connection.execute("SET client_encoding = 'UTF8'")
        if connection.info.parameter_status("server_encoding") != "UTF8":
            raise ConfigError(
                "The database's encoding is not UTF8, so it cannot store every text. Nothing was served. Create a "
                "database with encoding UTF8."
            )
        yield connection


def connection_options(address: str) -> dict[str, Any]:
    """Return an address's options. A remote server must prove its name unless the address sets `sslmode`.

    Raises:
        ConfigError: the address is invalid; the message does not repeat it, because it may contain a password.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        options = dict(conninfo_to_dict(address))
    except psycopg.Error as error:
        raise ConfigError(
            "LAKE_SERVING_URL is not an address of PostgreSQL. Nothing was served. Write "
            "postgresql://user:password@host/database."
        ) from error
    host = str(options.get("host") or "")
    if not options.get("sslmode") and host and not host.startswith("/") and host not in _LOCAL:
        options |= {"sslmode": "verify-full", "sslrootcert": options.get("sslrootcert") or "system"}
    options.setdefault("connect_timeout", _SECONDS)
    return options


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Translate errors of PostgreSQL.

    Raises:
        ServingUnavailable: it does not answer, is full, read-only or shutting down; the transaction changed nothing.
        ServingRefused: it refuses what was sent; the transaction changed nothing.
    """
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ("08" if isinstance(error, psycopg.OperationalError) else "")
        refused = not error.sqlstate and any(word in str(error) for word in (*_LOGIN, *_CERTIFICATE))
        said = " ".join(str(error).split())
        earlier = f"{what}: {said}. Rows served earlier are unchanged."
        if state.startswith(_TRANSIENT) and not refused:
            raise ServingUnavailable(f"{earlier} {_NEXT.get(state, 'Run again.')}") from error
        if any(word in said for word in _CERTIFICATE):
            raise ServingRefused(f"{earlier}{_CERTIFICATES}") from error
        raise ServingRefused(f"{earlier} {_NEXT.get(state, 'Correct it, then serve the table again.')}") from error
