"""`lakeworks sql`: reads published tables and nothing else; personal data only where it is asked for."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.publications.test_publications import published

__all__ = ["command"]
CUSTOMERS = "bronze.commerce.customers"
EMAIL = "jane@example.com"


@pytest.fixture
def environment(lake: Lake, moto_url: str, run_at: Callable[..., Run]) -> dict[str, str]:
    """A day of one customer; the deployment masks with a salt."""
    row = {
        "id": 9, "email": EMAIL, "first_name": "Jane", "state": "enabled", "default_address": {"city": "Rome"},
        "_ingested_at": datetime(2019, 1, 5), "_source_url": "http://x/", "_run_id": "manual__1",
    }  # fmt: skip
    published(lake, load_contract(CUSTOMERS), [row], run_at(1), Period.parse("2019-01-05"))
    return {**settings_for(lake, moto_url), "LAKE_PII_SALT": "sixteen-characters-of-salt"}


def test_personal_data_is_withheld_unless_it_is_asked_for(
    command: Callable[..., Done], environment: dict[str, str]
) -> None:
    everything = "SELECT * FROM bronze_commerce.customers"
    done = command("sql", everything, "--json", **environment)
    (row,) = json.loads(done.stdout)
    assert row["id"] == 9
    assert not {"email", "phone", "first_name", "last_name", "default_address"} & set(row)
    assert f"Withheld (personal or confidential): {CUSTOMERS}: email, phone" in done.stderr.replace("\n", " ")
    (row,) = json.loads(command("sql", everything, "--json", "--include-personal", **environment).stdout)
    assert (row["email"], row["default_address"]["city"]) == (EMAIL, "Rome")


def test_a_query_reads_what_was_live_at_a_moment(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake, run_at: Callable[..., Run]
) -> None:
    between = datetime.now(UTC).isoformat()
    row = {
        "id": 9,
        "state": "disabled",
        "_ingested_at": datetime(2019, 1, 6),
        "_source_url": "x",
        "_run_id": "manual__2",
    }
    published(lake, load_contract(CUSTOMERS), [row], run_at(2), Period.parse("2019-01-05"))
    query = ("sql", "SELECT state FROM bronze_commerce.customers", "--json")
    now, then = (command(*query, *words, **environment).stdout for words in ((), ("--as-of", between)))
    assert (json.loads(now), json.loads(then)) == ([{"state": "disabled"}], [{"state": "enabled"}])
    before = command(*query, "--as-of", "2019-01-01", **environment)
    assert (before.returncode, "has no published partition to read" in before.stderr) == (1, True)


def test_naming_a_withheld_column_says_how_to_have_it(
    command: Callable[..., Done], environment: dict[str, str]
) -> None:
    done = command("sql", "SELECT lower(email) FROM bronze_commerce.customers", **environment)
    said = done.stderr.replace("\n", " ")
    assert (done.returncode, EMAIL in said) == (1, False)
    assert (
        f"Withheld (personal or confidential): {CUSTOMERS}: email. With them, on the command line: --include-personal"
        in said
    )


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("COPY (SELECT 1) TO '{new}'", "is COPY, not a SELECT"),
        ("SELECT 1; COPY (SELECT 1) TO '{new}'", "is 2 statements, not one SELECT"),
        ("SELECT * FROM read_csv('/etc/passwd')", "`read_csv` cannot be read"),
        ("SELECT getvariable('lakeworks_pii_salt')", "`getvariable` shows or changes the session"),
        ("SELECT * FROM duckdb_secrets()", "`duckdb_secrets` cannot be read"),
        ("ATTACH '{new}' AS a", "is ATTACH, not a SELECT"),
    ],
)
def test_what_is_not_a_read_of_the_lake_is_refused_before_anything_is_opened(
    command: Callable[..., Done], environment: dict[str, str], tmp_path: Path, query: str, says: str
) -> None:
    new = tmp_path / "new.csv"
    done = command("sql", query.replace("{new}", str(new)), **environment)
    said = done.stderr.replace("\n", " ")
    assert (done.returncode, new.exists()) == (1, False)
    assert says in said
    assert "sixteen-characters" not in said


def test_series_can_be_joined(command: Callable[..., Done], environment: dict[str, str]) -> None:
    query = "SELECT c.id, r.i, u.k FROM bronze_commerce.customers c, range(1) r(i), unnest(['a']) u(k)"
    assert json.loads(command("sql", query, "--json", **environment).stdout) == [{"id": 9, "i": 0, "k": "a"}]
