"""PostgreSQL behind TLS and IAM: a server that proves its name, and a token for each connection."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from lakeworks.errors import ConfigError, ServingRefused
from lakeworks.lake import Lake
from lakeworks.serving.database import connected
from lakeworks.serving.following import serve
from lakeworks.serving.rds_login import split_login
from tests.lakeworks.serving.conftest import contract
from tests.support.rds_proxy import Door, rds_door

Publish = Callable[..., Lake]
OLD, NEW = ("AKIAOLD", "old-secret"), ("AKIANEW", "new-secret")


@pytest.fixture
def door(address: str, tmp_path: Path) -> Iterator[Door]:
    with rds_door(tmp_path, str(conninfo_to_dict(address)["host"])) as opened:
        yield opened


def url(door: Door, *options: str, host: str | None = None) -> str:
    """The address of the door: the name is RDS's, the machine this one."""
    given = "&".join(("hostaddr=127.0.0.1", *options))
    return f"postgresql://postgres@{host or door.host}:{door.port}/airflow?{given}"


class Rds:
    """Clients of RDS with credentials that can change, and the regions that were asked for."""

    def __init__(self, keys: tuple[str, str]) -> None:
        self.keys, self.regions = keys, list[str | None]()

    def __call__(self, region: str | None) -> Any:
        self.regions.append(region)
        key, secret = self.keys
        return boto3.Session(key, secret).client("rds", region_name=region or "us-east-1")


def test_a_server_proves_its_name_by_its_authority(door: Door, database: psycopg.Connection, publish: Publish) -> None:
    lake = publish([{"id": 1, "value": 1.0}])
    with connected(url(door, f"sslrootcert={door.authority}")) as connection:
        assert connection.pgconn.ssl_in_use
        assert [item.outcome for item in serve(connection, lake, contract())] == ["served"]
    publish([{"id": 1, "value": 9.0}])
    for wrong in (
        url(door),  # the machine's own authorities do not know this one
        url(door, f"sslrootcert={door.authority}", host="other.c1x2.eu-central-1.rds.amazonaws.com"),
        url(door, "sslrootcert=/nowhere.pem"),
    ):
        with pytest.raises(ServingRefused, match="name the certificates of its authority"), connected(wrong):
            pass
    door.tls = False
    with pytest.raises(ServingRefused, match="SSL"), connected(url(door, f"sslrootcert={door.authority}")):
        pass
    assert database.execute("SELECT id, value FROM gold_test.rows").fetchall() == [(1, 1.0)]


def test_each_connection_has_a_token_of_its_own(door: Door, publish: Publish) -> None:
    lake, rds = publish([{"id": 1, "value": 1.0}]), Rds(OLD)
    address = url(door, "iam=true", f"sslrootcert={door.authority}")
    door.secrets = dict([OLD])
    with connected(address, rds) as connection:
        assert [item.outcome for item in serve(connection, lake, contract())] == ["served"]
    door.secrets, rds.keys = dict([NEW]), NEW  # the role's credentials were renewed
    with connected(address, rds) as connection:
        assert [item.outcome for item in serve(connection, lake, contract())] == ["unchanged"]
    assert rds.regions == ["eu-central-1", "eu-central-1"], "the region of the endpoint"
    assert [token.partition("/?")[0] for token in door.tokens] == [f"{door.host}:{door.port}"] * 2
    assert all("X-Amz-Expires=900" in token for token in door.tokens)


def test_a_token_that_is_refused_is_a_terminal_error_without_the_token(door: Door, publish: Publish) -> None:
    address = url(door, "iam=true", f"sslrootcert={door.authority}")
    door.secrets = dict([OLD])
    with pytest.raises(ServingRefused, match="authentication failed") as refused, connected(address, Rds(NEW)):
        pass
    assert "X-Amz" not in str(refused.value)
    door.clock = lambda: datetime.now(UTC) + timedelta(minutes=16)
    with pytest.raises(ServingRefused, match="authentication failed"), connected(address, Rds(OLD)):
        pass


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("postgresql://lake@db.example/shop?iam=true&sslmode=require", "proves nothing"),
        ("postgresql://lake@db.example/shop?iam=maybe", "iam=maybe"),
        ("postgresql://lake@/shop?host=/run/postgresql&iam=true", "needs one host and a user"),
        ("postgresql://db.example/shop?iam=true", "needs one host and a user"),
        ("postgresql://lake@db.example/shop?iam=true", "needs AWS credentials"),
    ],
)
def test_an_address_that_would_give_the_token_away_is_refused(address: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says), connected(address):
        pass


def test_our_option_is_taken_out_of_the_address_and_nothing_else() -> None:
    assert split_login("postgresql://a@b/c?x=1%2B&iam=true&y=") == ("postgresql://a@b/c?x=1%2B&y=", True)
    assert split_login("postgresql://a@b/c?iam=false") == ("postgresql://a@b/c", False)
    assert split_login("host=b dbname=c") == ("host=b dbname=c", False)
