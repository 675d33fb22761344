"""The page as Airflow mounts it: nothing without a login, and nothing imported before somebody asks."""

import subprocess
import sys

import pytest
from airflow.api_fastapi.app import create_auth_manager
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lakeworks_airflow.plugin import LakeworksPlugin

HEAVY = ("fastapi", "jinja2", "pyarrow", "duckdb", "pandas", "great_expectations", "sqlglot", "boto3", "lakeworks.lake")


def test_reading_the_plugin_imports_nothing_heavy() -> None:
    """Airflow imports plugins in every process, and where it parses DAGs."""
    code = (
        f"import sys, lakeworks_airflow.lake_page.mounted; print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "path", ["/lake/", "/lake/tables/silver.transport.trips", "/lake/tables/x/audit?period=2019-01&attempt=1"]
)
@pytest.mark.parametrize("cookie", ["", "_token=made-up"])
def test_airflows_own_guard_refuses_who_has_no_login(path: str, cookie: str) -> None:
    create_auth_manager()
    app = FastAPI()
    (found,) = LakeworksPlugin.fastapi_apps
    app.mount(found["url_prefix"], found["app"])
    answer = TestClient(app).get(path, headers={"Cookie": cookie} if cookie else {})
    assert answer.status_code in (401, 403)
    assert "transport" not in answer.text


def test_the_navigation_leads_to_what_is_mounted() -> None:
    (view,), (app,) = LakeworksPlugin.external_views, LakeworksPlugin.fastapi_apps
    assert view["href"].rstrip("/") == app["url_prefix"]
    assert (view["destination"], view["nav_top_level"]) == ("nav", True)
