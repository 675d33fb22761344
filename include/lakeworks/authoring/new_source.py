"""Client of a new source: a working module that its author adapts to the vendor's API."""

from collections.abc import Mapping
from typing import Any

from lakeworks.errors import ContractError
from lakeworks.sources import known_sources

# What the template's `parse` gives, so that its table and its example hold.
COLUMNS: Mapping[str, str] = {"id": "bigint", "name": "string"}
ROW: Mapping[str, Any] = {"id": 1, "name": "text"}
RECORDED = '{"items": [{"id": 1, "name": "text"}]}\n'
_TEMPLATE = '''"""{title}: one JSON answer a period. {url}"""

from collections.abc import Mapping
from dataclasses import dataclass

from lakeworks.sources import FetchRequest, ResponseStore, Rows, SourceConnection
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.http.limits import Limiter, Limits
from lakeworks.sources.options import no_data_set
from lakeworks.sources.response import SourceResponse

BASE_URL = "{url}"


@dataclass(frozen=True)
class {klass}:
    """Data set `{dataset}`."""

    http: HttpSource

    def collect(self, request: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        """Send one request per period. A landed answer is not requested again."""
        if request.dataset != "{dataset}":
            raise no_data_set("{name}", request.dataset, ("{dataset}",))
        landing.fetch_once("{dataset}.json", lambda: self.http.ask("{dataset}", {{"date": str(request.period)}}))
        return {{}}


def connect(access: SourceConnection) -> {klass}:
    """Return the client of a deployment; host and key come from the Airflow connection `{name}`."""
    limiter = Limiter("{name}", Limits(per_second=5), access.state)
    return {klass}(HttpSource(access.base_url or BASE_URL, limiter=limiter))


def parse(_: FetchRequest, answer: SourceResponse) -> Rows:
    """Turn one landed answer into rows, without a network: {{"items": [{{"id": 1, "name": "text"}}]}}."""
    return [{{"id": item["id"], "name": item["name"]}} for item in answer.json()["items"]]
'''


def source_module(source: str, url: str) -> dict[str, str]:
    """Return the file of a new source's client, by its name.

    Raises:
        ContractError: the name is not `<source>.<data set>`, or there is such a source already.
    """
    import keyword

    name, _, dataset = source.partition(".")
    words = (name, dataset)
    if not all(word.isidentifier() and word == word.lower() and not keyword.iskeyword(word) for word in words):
        raise ContractError(
            f"`{source}` is not the name of a data set. Nothing was written. Write <source>.<data set> in lower-case letters, "
            "digits and `_`: `weather.readings`."
        )
    if name in (known := known_sources()):
        raise ContractError(
            f"There is a source `{name}` already: {known[name].origin}. Nothing was written. Add the data set to its module."
        )
    title = name.replace("_", " ").capitalize()
    klass = "".join(part.capitalize() for part in name.split("_"))
    return {f"{name}.py": _TEMPLATE.format(title=title, url=url, klass=klass, name=name, dataset=dataset)}


def recorded_answer(dataset: str) -> tuple[str, str]:
    """Return name and content of the recorded answer that the table's example is read from."""
    return f"{dataset}.json", RECORDED
