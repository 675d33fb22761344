"""Check of a source's connection: it is complete, and its address answers. No key is sent and no quota is spent."""

from collections.abc import Callable, Mapping

import requests

from lakeworks.airflow_api import Airflow
from lakeworks.doctor.health_check import Diagnosis
from lakeworks.errors import ConfigError, LakeError
from lakeworks.sources import SourceConnection, open_source
from lakeworks.sources.connection_fields import ConnectionFields
from lakeworks.sources.files.file_drop import Inbox
from lakeworks.sources.http.client import HttpSource

_SECONDS = 10
FindConnection = Callable[[str], ConnectionFields | None]


def connection_finder(environment: Mapping[str, str], airflow: Airflow | None) -> FindConnection:
    """Return what finds a connection: in `AIRFLOW_CONN_<ID>`, else in Airflow's database through its API.

    The API gives no passwords, only whether there is one. A secrets backend is visible to Airflow's tasks only.
    """

    def find(name: str) -> ConnectionFields | None:
        variable = f"AIRFLOW_CONN_{name.upper()}"
        if text := environment.get(variable):
            try:
                return ConnectionFields.parse(text)
            except ValueError as error:
                raise ConfigError(f"{variable} is not a connection. No request was sent. Write it as JSON.") from error
        try:
            connection = airflow.find(f"connections/{name}") if airflow else None
        except LakeError:
            return None  # the check of Airflow reports it
        return ConnectionFields.of(connection) if connection else None

    return find


def source_connection(name: str, find: FindConnection, session: requests.Session, inbox: Inbox) -> Diagnosis:
    """Open the source's client as a fetch does, and ask its address for any answer at all.

    Raises:
        ConfigError, ContractError: the connection is incomplete, or the source's module is broken.
    """
    connected = find(name)
    fields = connected or ConnectionFields()
    access = SourceConnection(fields.address, fields.password, fields.extra, inbox=inbox)
    client = open_source(name, access=access)
    address = next((item.base_url for item in vars(client).values() if isinstance(item, HttpSource)), None)
    origin = f"connection `{name}`" if connected else f"no connection `{name}` found: the vendor's own address, no key"
    if address is None:
        return Diagnosis("ok", f"needs no network ({origin})" if connected else "needs no network")
    try:
        with session.head(address, timeout=_SECONDS, allow_redirects=False) as answer:
            status = answer.status_code
    except requests.RequestException as error:
        return Diagnosis(
            "failure",
            f"`{address}` does not answer: {type(error).__name__} ({origin})",
            f"Check the host of the Airflow connection `{name}`, HTTPS_PROXY and the firewall.",
        )
    if status >= 500:
        return Diagnosis("warning", f"`{address}` answers HTTP {status} ({origin})", "Try again later.")
    return Diagnosis("ok", f"`{address}` answers ({origin})")
