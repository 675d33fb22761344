"""A full disk, a restart in the middle of COPY, values that PostgreSQL refuses: one error, and the rows of before."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lakeworks.errors import LakeError, ServingRefused, ServingUnavailable
from lakeworks.lake import Lake
from lakeworks.serving.database import connected
from lakeworks.serving.following import serve
from tests.lakeworks.serving.conftest import DAY, contract
from tests.support.postgres_server import restartable_postgres

Publish = Callable[..., Lake]
BEFORE = [{"id": 1, "value": 1.0, "name": "before"}]
MANY = [{"id": number, "value": float(number), "name": "x" * 200} for number in range(20_000)]


@pytest.fixture
def small_disk(database: psycopg.Connection) -> Iterator[str]:
    """A tablespace of two megabytes; where this machine mounts nothing, the default one, whose table says that it is full."""
    folder = Path(tempfile.mkdtemp(prefix="lw-pg-full-", dir="/tmp"))
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    mounted = shutil.which("mount") and subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        yield "pg_default"
        folder.rmdir()
        return
    (data,) = database.execute("SHOW data_directory").fetchone() or ("",)
    owner = Path(data).stat()
    shutil.chown(folder, owner.st_uid, owner.st_gid)
    database.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")  # type: ignore[call-overload]
    try:
        yield "small"
    finally:
        database.execute("DROP SCHEMA IF EXISTS gold_test CASCADE")
        database.execute("DROP TABLESPACE small")
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def test_a_full_disk_is_one_error_and_the_rows_of_before_stay(
    small_disk: str, address: str, database: psycopg.Connection, publish: Publish
) -> None:
    lake = publish(BEFORE)
    with connected(f"{address}&options=-c%20default_tablespace%3D{small_disk}") as connection:
        serve(connection, lake, contract())
        if small_disk == "pg_default":
            database.execute(
                "CREATE FUNCTION gold_test.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id > 5000 THEN RAISE "
                "'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END IF; RETURN NEW; END $$; "
                "CREATE TRIGGER f BEFORE INSERT ON gold_test.rows FOR EACH ROW EXECUTE FUNCTION gold_test.full_disk()"
            )
        publish(MANY)
        with pytest.raises(
            ServingUnavailable,
            match=r"No space left on device.*earlier are unchanged. Make room on the server, then run again",
        ):
            serve(connection, lake, contract())
    assert database.execute("SELECT id, name FROM gold_test.rows").fetchall() == [(1, "before")]
    publish(BEFORE[:1])
    if small_disk == "pg_default":
        database.execute("DROP TRIGGER f ON gold_test.rows")
    database.execute("VACUUM gold_test.rows")
    assert [item.outcome for item in serve(database, lake, contract())] in (["served"], ["unchanged"])


def test_a_restart_in_the_middle_of_copy_leaves_the_rows_of_before(publish: Publish) -> None:
    with restartable_postgres() as server:
        lake = publish(BEFORE)
        with connected(server.address) as connection:
            serve(connection, lake, contract())
            connection.execute(
                "CREATE FUNCTION gold_test.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 9000 THEN "
                "PERFORM pg_advisory_xact_lock(42); END IF; RETURN NEW; END $$; "
                "CREATE TRIGGER w BEFORE INSERT ON gold_test.rows FOR EACH ROW EXECUTE FUNCTION gold_test.wait()"
            )
        publish(MANY)
        failures: list[LakeError] = []

        def follow() -> None:
            try:
                with connected(server.address) as connection:
                    serve(connection, lake, contract())
            except LakeError as error:
                failures.append(error)

        with psycopg.connect(server.address, autocommit=True) as holder:
            holder.execute("SELECT pg_advisory_lock(42)")
            worker = threading.Thread(target=follow)
            worker.start()
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE 'COPY%'"
            while holder.execute(waiting).fetchone() != (1,):
                assert worker.is_alive()
                time.sleep(0.02)
            server.stop()
        worker.join(60)
        (failure,) = failures
        assert isinstance(failure, ServingUnavailable)
        assert "Run again" in str(failure)
        server.start()
        with connected(server.address) as connection:
            assert connection.execute("SELECT id, name FROM gold_test.rows").fetchall() == [(1, "before")]
            assert [item.outcome for item in serve(connection, lake, contract())] == ["served"]
            assert connection.execute("SELECT count(*) FROM gold_test.rows").fetchone() == (len(MANY),)


STRUCT = {
    "id": {"type": "bigint", "required": True, "description": "key"},
    "about": {"type": "struct<name:string,share:double>", "description": "x"},
}


@pytest.mark.parametrize("name", ["a\\u0000b", "\\", "\\\\u0000", 'q"\\u0000'])
def test_a_text_that_only_looks_like_a_nul_is_served(database: psycopg.Connection, publish: Publish, name: str) -> None:
    lake = publish([{"id": 1, "about": {"name": name, "share": 1.0}}], DAY, contract(columns=STRUCT))
    serve(database, lake, contract(columns=STRUCT))
    assert database.execute("SELECT about ->> 'name' FROM gold_test.rows").fetchone() == (name,)


@pytest.mark.parametrize("about", [{"name": "a\0b", "share": 1.0}, {"name": "\\\0", "share": None}])
def test_what_json_cannot_hold_there_is_refused_and_the_rows_of_before_stay(
    database: psycopg.Connection, publish: Publish, about: dict[str, Any]
) -> None:
    lake = publish([{"id": 1, "about": {"name": "before", "share": 1.0}}], DAY, contract(columns=STRUCT))
    serve(database, lake, contract(columns=STRUCT))
    publish([{"id": 1, "about": about}], DAY, contract(columns=STRUCT))
    with pytest.raises(ServingRefused, match="`about` has a text with a NUL"):
        serve(database, lake, contract(columns=STRUCT))
    assert database.execute("SELECT about ->> 'name' FROM gold_test.rows").fetchone() == ("before",)
