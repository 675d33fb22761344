"""Pydantic's errors about a file that a person wrote: one line per problem, with the likely intended name."""

from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from lakeworks.core.names import suggestion
from lakeworks.errors import Problem

# Fields of a contract, each with the names that other tools use.
_OTHER_WORDS = {
    "team": "owner", "minimum": "min", "maximum": "max", "allowed": "enum values", "pattern": "regex", "required": "not_null",
    "grain": "primary_key primaryKey unique_key", "partition_by": "partitioned_by partitions", "columns": "fields",
    "checks": "tests expectations", "deduplicate_by": "dedupe_by", "retention": "ttl", "freshness": "sla", "rows": "rules",
    "description": "doc comment", "type": "data_type",
}  # fmt: skip
_MEANT = {word: field for field, words in _OTHER_WORDS.items() for word in words.split()}


def problems_of(error: ValidationError, model: type[BaseModel], file: str) -> list[Problem]:
    """Return one problem for each error, in the order of the file's fields."""
    return [
        Problem(file, ".".join(map(str, detail["loc"])) or "contract", _message(detail, model))
        for detail in error.errors()
    ]


def _message(detail: Any, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        name = str(detail["loc"][-1])
        known = [
            field
            for model_at in _models_at(model, detail["loc"][:-1])
            for field in model_at.model_fields
            if field != "name"
        ]
        likely = _MEANT.get(name)
        hint = f"Did you mean `{likely}`?" if likely in known else suggestion(name, known)
        return f"there is no such field. {hint}"
    if detail["type"] == "missing":
        return "is missing"
    if detail["type"] == "string_type":
        return f"must be text, not `{detail['input']}`; a number in quotes is text"
    return str(detail["msg"]).removeprefix("Value error, ")


def _models_at(model: Any, loc: Iterable[Any]) -> Iterator[type[BaseModel]]:
    """Yield the models that a field's place in the file can be of."""
    models: list[Any] = [model]
    for part in loc:
        below: list[Any] = []
        for one in _models_in(models):
            if isinstance(part, str) and part in one.model_fields:
                below.append(one.model_fields[part].annotation)
        models = below or models  # a key of a dictionary or a position in a list
    yield from _models_in(models)


def _models_in(annotations: Iterable[Any]) -> Iterator[type[BaseModel]]:
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        else:
            yield from _models_in(get_args(annotation))
