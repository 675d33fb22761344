"""Current tasks of the lake's tables from Airflow's public REST API: running, waiting or failed, by period."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count, islice
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import requests

from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.core.period_keys import periods_between
from lakeworks.errors import ConfigError, LakeUnavailable, PartitionKeyError
from lakeworks.run_place import RunPlace

_WRONG_ADDRESS = (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL, requests.exceptions.MissingSchema)
_RUNNING = ("running", "queued", "scheduled", "deferred", "up_for_retry", "up_for_reschedule", "restarting")
_FAILED = ("failed", "upstream_failed")
_PAGE = 100  # Airflow's largest page unless it is configured otherwise
MOST = 2_000
OWNERS = RunPlace()


@dataclass(frozen=True)
class Activity:
    """One table's period in one DAG run that is unfinished or failed."""

    table: str
    period: str
    state: Literal["running", "failed"]
    at: datetime | None
    where: str


@dataclass(frozen=True)
class Activities:
    """Airflow's current tasks. `cut_off` names the lists that were not read to their end (`runs`, `tasks`)."""

    known: tuple[Activity, ...] = ()
    cut_off: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Activity]:
        """The activities."""
        return iter(self.known)

    @property
    def note(self) -> str:
        """Return a note about lists that were read in part; empty if all were read whole."""
        if not self.cut_off:
            return ""
        return (
            f"Airflow has more than {MOST:,} {' and '.join(self.cut_off)} that failed or are not over, and "
            f"lakeworks read only the newest {MOST:,}. Older ones are not shown as running or failed. Delete old "
            "failed runs in Airflow's UI, or run: airflow db clean"
        )


class Airflow:
    """Airflow's API at an address like `https://user:password@host`; log in once, then ask."""

    def __init__(self, url: str, session: requests.Session | None = None) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.url = f"{parts.scheme}://{host}{parts.path}".rstrip("/")
        self.login = (unquote(parts.username or ""), unquote(parts.password or ""))
        self.session = session or requests.Session()

    @classmethod
    def as_person(cls, url: str, token: str) -> "Airflow":
        """Return Airflow's API as a person with a session uses it; the address's own login is left out."""
        made = cls(url)
        made.login = ("", "")
        made.session.auth = _Bearer(token)
        return made

    def activities(self, tables: Iterable[str], place: RunPlace = OWNERS) -> Activities:
        """Return the running, waiting and failed tasks of these tables in a place, from the newest runs and tasks.

        Raises:
            ConfigError: Airflow does not accept the login, or the address is not Airflow's.
            LakeUnavailable: it does not answer.
        """
        by_group = by_task_group(tables)
        runs, tasks = (list(islice(listed, MOST + 1)) for listed in (self._runs(), self._tasks()))
        known = {(run["dag_id"], run["dag_run_id"]): run for run in place.runs_here(runs[:MOST])}
        listed = tuple(item for task in tasks[:MOST] for item in _activities(task, known, by_group))
        return Activities(listed, tuple(name for name, all_ in (("runs", runs), ("tasks", tasks)) if len(all_) > MOST))

    def under_way(self, dag_id: str, place: RunPlace) -> set[Period]:
        """Return the periods of a DAG's unfinished runs in a place, queued ones included."""
        runs = self.pages(f"dags/{dag_id}/dagRuns", "dag_runs", state=["running", "queued"])
        return {period for run in place.runs_here(runs) for period in _periods(run)}

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Send one request below `/api/v2/`. Return the JSON of the response, None for an empty one.

        Raises:
            ConfigError: Airflow does not accept the login, does not know the path, or refuses the request with a reason.
            LakeUnavailable: it does not answer.
        """
        self._log_in()
        return self._call(method, f"{self.url}/api/v2/{path}", **arguments)

    def find(self, path: str) -> Any:
        """Return the JSON at a path below `/api/v2/`; None if Airflow answers 404."""
        self._log_in()
        try:
            return self._call("GET", f"{self.url}/api/v2/{path}")
        except _NoSuchThing:
            return None

    def pages(self, path: str, name: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield every item of a listing below `/api/v2/`, page by page. `name` is the response's field with the items."""
        offset = 0
        while True:
            items = self.call("GET", path, params={**params, "limit": _PAGE, "offset": offset})[name]
            yield from items
            if len(items) < _PAGE:
                return
            offset += _PAGE

    def _log_in(self) -> None:
        if self.login[0] and "Authorization" not in self.session.headers:
            body = {"username": self.login[0], "password": self.login[1]}
            token = self._call("POST", f"{self.url}/auth/token", json=body)["access_token"]
            self.session.headers["Authorization"] = f"Bearer {token}"

    def _runs(self) -> Iterator[dict[str, Any]]:
        asked = {"state": ["running", "queued", "failed"], "order_by": "-run_after"}
        return self.pages("dags/~/dagRuns", "dag_runs", **asked)

    def _tasks(self) -> Iterator[dict[str, Any]]:
        asked = {"state": [*_RUNNING, *_FAILED], "order_by": "-id", "page_limit": _PAGE}  # ids grow with time
        where = "dags/~/dagRuns/~/taskInstances/list"
        for page in count():
            answer = self.call("POST", where, json={**asked, "page_offset": page * _PAGE})
            yield from answer["task_instances"]
            if len(answer["task_instances"]) < _PAGE:
                return

    def _call(self, method: str, url: str, **arguments: Any) -> Any:
        try:
            answer = self.session.request(method, url, timeout=30, **arguments)
            if answer.status_code in (401, 403, 404):
                raise _KINDS[answer.status_code](
                    f"Airflow at `{self.url}` answered {answer.status_code} to {method} {urlsplit(url).path}. Nothing was "
                    "changed. Correct LAKE_AIRFLOW_URL (https://user:password@host), or unset it to work without run "
                    "states."
                )
            if answer.status_code in (400, 409, 422):
                raise ConfigError(
                    f"Airflow refuses {method} {urlsplit(url).path}: {_explanation(answer)}. Nothing was changed."
                )
            answer.raise_for_status()
            return answer.json() if answer.content else None
        except _WRONG_ADDRESS as error:
            raise ConfigError(
                f"LAKE_AIRFLOW_URL is no address: {_reason(error)}. Nothing was changed. Write https://user:password@host."
            ) from error
        except (requests.RequestException, ValueError) as error:
            raise LakeUnavailable(
                f"Airflow at `{self.url}` did not give its runs: {_reason(error)}. Nothing was changed. Run again, or "
                "unset LAKE_AIRFLOW_URL to work without run states."
            ) from error


class NotPermitted(ConfigError):
    """Airflow does not allow this to the login."""


class _NoSuchThing(ConfigError):
    """Airflow has nothing at the address."""


_KINDS = {401: ConfigError, 403: NotPermitted, 404: _NoSuchThing}


class _Bearer(requests.auth.AuthBase):
    """A person's token. As `auth` it also keeps a login in the machine's netrc file from replacing it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _explanation(answer: requests.Response) -> str:
    """Airflow's explanation of a refusal."""
    try:
        return str(answer.json()["detail"])[:500]
    except (ValueError, KeyError, TypeError):
        return answer.text[:500]


def _reason(error: Exception) -> str:
    """Return the server's words or the kind of failure: a requests error's text may have the address's password."""
    answer = getattr(error, "response", None)
    return type(error).__name__ if answer is None else f"{answer.status_code} {answer.text[:200]}"


def by_task_group(tables: Iterable[str]) -> dict[str, list[str]]:
    """Return tables by the task group that builds them (`silver_trips`). Two domains may use the same group name."""
    groups: dict[str, list[str]] = {}
    for table in tables:
        name = TableName.parse(table)
        groups.setdefault(f"{name.layer}_{name.table}", []).append(table)
    return groups


def _activities(
    task: Mapping[str, Any], runs: Mapping[tuple[str, str], Mapping[str, Any]], by_group: Mapping[str, list[str]]
) -> Iterator[Activity]:
    """Yield one activity per period of a task that works on one of these tables."""
    run = runs.get((task["dag_id"], task["dag_run_id"]))
    tables = tables_of(task, by_group)
    if run is None or not tables:
        return
    state: Literal["running", "failed"] = "failed" if task["state"] in _FAILED else "running"
    moment = task["end_date"] or task["start_date"] or run["run_after"]
    at = datetime.fromisoformat(moment.replace("Z", "+00:00")) if moment else None
    where = f"{task['dag_id']} {task['dag_run_id']} {task['task_id']}: {task['state']}"
    for table in tables:
        for period in _periods(run):
            yield Activity(table, str(period), state, at, where)


def tables_of(task: Mapping[str, Any], by_group: Mapping[str, list[str]]) -> list[str]:
    """Return the operator's table. Before its template is rendered, use the task group's name if only one table has it."""
    given = (task.get("rendered_fields") or {}).get("table")
    named = by_group.get(str(task["task_id"]).partition(".")[0], [])
    if given:
        return [given] if any(given in tables for tables in by_group.values()) else []
    return named if len(named) == 1 else []


def _periods(run: Mapping[str, Any]) -> list[Period]:
    """Return the periods a run owns: its partition key, else its range. Empty if neither is a valid period."""
    conf = run.get("conf") or {}
    try:
        if run.get("partition_key"):
            return [Period.parse(run["partition_key"])]
        if conf.get("from") and conf.get("to"):
            return periods_between(conf["from"], conf["to"], Period.parse(conf["from"]).grain)
    except PartitionKeyError:
        return []
    return []
