"""Airflow's login as the page's guard: the session of the web interface, or a bearer token."""

from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from airflow.configuration import conf
from fastapi import Depends, HTTPException, Request

from lakeworks_airflow.lake_page.person import Person


def logged_in(request: Request, user: Annotated[Any, Depends(get_user)]) -> Person:
    """Return the person of a request. Without a login, Airflow's own dependency answers 401 before this."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    cookie = request.cookies.get(COOKIE_NAME_JWT_TOKEN, "")
    return Person(
        name=str(user.get_name()),
        session=cookie or f"user {user.get_id()}",
        token=given if kind.lower() == "bearer" else cookie,
        secret=str(conf.get("api", "secret_key")),
        may_run=lambda dag_id: _may_run(request, user, dag_id),
        origins=tuple(filter(None, [conf.get("api", "base_url", fallback="")])),
    )


def _may_run(request: Request, user: Any, dag_id: str) -> bool:
    try:
        requires_access_dag("POST", DagAccessEntity.RUN, dag_id)(request, user)
    except HTTPException:
        return False
    return True
