"""Options of a source: a contract's `source_options`, validated by the client that reads them."""

from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from lakeworks.core.yaml_document import problems
from lakeworks.errors import ConfigError, ContractError
from lakeworks.sources import FetchRequest, SourceConnection


class Options(BaseModel):
    """Base class of every data set's options. An unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Options)


def read_options(model: type[Model], request: FetchRequest) -> Model:
    """Return the options of a data set.

    Raises:
        ContractError: one is missing, unknown or of another type; names each.
    """
    try:
        return model.model_validate(request.options)
    except ValidationError as error:
        raise ContractError(
            f"source_options of the data set `{request.dataset}`: {problems(error)}. No request was sent. Correct "
            "the contract."
        ) from error


def read_connection(model: type[Model], name: str, access: SourceConnection) -> Model:
    """Return the client's options from the extra of a source's Airflow connection.

    Raises:
        ConfigError: one is missing, unknown or of another type; names each.
    """
    try:
        return model.model_validate(access.options)
    except ValidationError as error:
        raise ConfigError(
            f"The extra of the Airflow connection `{name}`: {problems(error)}. No request was sent. Correct the "
            "connection."
        ) from error


def no_data_set(source: str, dataset: str, known: Iterable[str]) -> ContractError:
    """Return the error of a contract that names a data set which its source does not have."""
    return ContractError(
        f"{source} has no data set `{dataset}`. No request was sent. Correct `source` in the contract. "
        f"Known: {', '.join(known)}."
    )
