"""Kubernetes' API by its own protocol, JSON over HTTPS: four calls need no client library."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from lakeworks.errors import ConfigError, LakeAccessDenied, LakeNotFound, LakeUnavailable, LostRace, RequestRefused

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 30


@dataclass(frozen=True)
class KubernetesApi:
    """One cluster's API. `token` gives the bearer token of now: a pod's token is renewed in its file."""

    url: str
    token: Callable[[], str] | None = None
    authority: str | None = None
    session: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def of(
        cls, url: str | None, environment: Mapping[str, str] | None = None, account: Path = _ACCOUNT
    ) -> "KubernetesApi":
        """Return the API at an address (of `kubectl proxy`, for example), or of the cluster in which this process runs.

        Raises:
            ConfigError: no address is given, and this process runs in no cluster.
        """
        given = os.environ if environment is None else environment
        if url:
            return cls(url.rstrip("/"))
        host, port = given.get("KUBERNETES_SERVICE_HOST"), given.get("KUBERNETES_SERVICE_PORT", "443")
        if not host or not (account / "token").is_file():
            raise ConfigError(
                "This process runs in no Kubernetes cluster, and lake.yml names no `spark.kubernetes.api`. No job was started. "
                "Set it, for example to the address of `kubectl proxy`: http://127.0.0.1:8001"
            )
        address = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        return cls(address, lambda: (account / "token").read_text().strip(), str(account / "ca.crt"))

    def request(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises:
            LakeNotFound: there is no such object, or no such kind of object in this cluster.
            LostRace: an object of this name exists.
            LakeAccessDenied: the service account lacks the verb.
            RequestRefused: the object is not valid; has Kubernetes' words.
            LakeUnavailable: the API does not answer, or is overloaded.
        """
        headers = {"Authorization": f"Bearer {self.token()}"} if self.token else {}
        try:
            answer = self.session.request(
                method, f"{self.url}{path}", json=body, params=query, headers=headers, timeout=_SECONDS,
                verify=self.authority or True,
            )  # fmt: skip
            found = answer.json() if answer.content else {}
        except (requests.RequestException, OSError, ValueError) as error:
            raise LakeUnavailable(f"Kubernetes at `{self.url}` does not answer: {error}. Run again.") from error
        if answer.ok:
            return dict(found)
        raise _refusal(
            answer.status_code, f"Kubernetes refuses {method} `{path}`: {found.get('message', answer.reason)}"
        )


def _refusal(status: int, text: str) -> Exception:
    if status in (401, 403):
        return LakeAccessDenied(f"{text}. Give the service account the role of docs/spark.md.")
    if status == 404:
        return LakeNotFound(f"{text}.")
    if status == 409:
        return LostRace(f"{text}.")
    if status in (400, 405, 415, 422):
        return RequestRefused(f"{text}. Correct `spark.kubernetes` in lake.yml.")
    return LakeUnavailable(f"{text} ({status}). Run again.")
