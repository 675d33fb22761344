"""The person who looks: who it is, what Airflow allows them, and the credential that their acts are sent with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.errors import TerminalError

if TYPE_CHECKING:
    from fastapi import Request


class ActRefused(TerminalError):
    """This person may not do this, or the request was not sent by the form that showed them the plan."""


@dataclass(frozen=True)
class Person:
    """A person with a login.

    Attributes:
        name: the name that Airflow knows them by.
        session: what their forms are bound to.
        token: their own credential for Airflow's API, so that Airflow itself decides, and knows who started a run.
        secret: the key that signs forms; the same for all api-servers.
        may_run: True if they may start runs of a DAG.
        origins: addresses at which Airflow is opened.
    """

    name: str
    session: str
    token: str
    secret: str
    may_run: Callable[[str], bool]
    origins: tuple[str, ...] = ()

    def require(self, dag_id: str) -> None:
        """Stop if they may not start runs of a DAG.

        Raises:
            ActRefused: they may not.
        """
        if not self.may_run(dag_id):
            raise ActRefused(
                f"`{self.name}` may not start runs of `{dag_id}` in Airflow. Nothing was changed. A person with that "
                "permission can, and Airflow's administrator gives it."
            )


def person_of(request: "Request") -> Person | None:
    """Return the person that the guard found; None if the guard only checks the login."""
    person = getattr(request.state, "person", None)
    return person if isinstance(person, Person) else None
