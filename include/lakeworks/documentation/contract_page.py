"""Reference of `contract.yml`, `transform.sql` and `examples.yml`: one Markdown page, written from the models."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from lakeworks.contract import (
    Approval,
    Catalog,
    Column,
    Contract,
    Freshness,
    InputRule,
    LandingTable,
    LateData,
    PlausibleTimes,
    Quarantine,
    Retention,
    RowRule,
    Storage,
    TableCheck,
)
from lakeworks.contract.constraints import known_expectations
from lakeworks.documentation.editor_schema import contract_schema
from lakeworks.transform.sql import PARAMETERS

# The place of each section in the file, with its model.
SECTIONS: dict[str, type[BaseModel]] = {
    "columns.<name>": Column,
    "rows[]": RowRule,
    "checks[]": TableCheck,
    "quarantine": Quarantine,
    "plausible_times": PlausibleTimes,
    "freshness": Freshness,
    "approval": Approval,
    "inputs.<table>": InputRule,
    "late_data": LateData,
    "retention": Retention,
    "storage": Storage,
    "catalog": Catalog,
    "catalog.landing": LandingTable,
}
_HEAD = """# Reference: the files of a table

*Written by `make docs` from the models that read the files. Do not edit.*

A table is a folder `include/lake/tables/<layer>/<domain>/<table>/` with `contract.yml` and `examples.yml`. Unless it takes
a source as it is, it also has a `transform.sql` (and a `transform.py` for what SQL cannot say).
`lakeworks table new` writes the files. `lakeworks table check` checks them. `lakeworks table test` runs the examples.

Editors complete and check `contract.yml` with its JSON schema. Keep the output of `lakeworks contract schema` in a file, and
begin a contract with `# yaml-language-server: $schema=<path to that file>`.
"""
_SQL = """## transform.sql

One `SELECT` in the SQL that DuckDB, Spark and Athena share. It names tables `<layer>_<domain>.<table>`, and `landing` for what
the table's source delivered. Every column is `CAST` to its type of the contract. `lakeworks table check` names what is not
portable.

| parameter | value |
| --- | --- |
"""
_SQL_END = """
A run reads of each upstream the partitions of its own period (`inputs` in the contract changes that). Where an upstream's
partitions are coarser than the run, or have rows of other days, write
`WHERE … >= $partition_start AND … < $partition_end`. A table with `late_data` builds partitions outside the run's period, so it
uses no parameter.
"""
_EXAMPLES = """## examples.yml

A list of examples. `lakeworks table test` builds each by the code of a run, and prints every value that differs.

| field | meaning |
| --- | --- |
| `name` | What the example shows. |
| `period` | Period of the run: `2019-01`, `2019-01-05` or `2019-01-05T03`. |
| `given` | Rows by upstream table, or by `landing`. A column that is not given is null, a table that is not given is empty. |
| `given.response` | Recorded answers of the source, `- {file: answer.json, facts: {symbol: IBM}}`, which its `parse` reads. |
| `expect` | Rows of the table, in the order of its grain. A column that is not named is null. |
| `quarantined` | Names of the broken rules, a list for each quarantined row. |

A table, a column, a member of a struct, or a value that cannot exist is an error: such an example would prove nothing.
"""


def contract_reference() -> str:
    """Return the page."""
    schema = contract_schema()
    parts = [_HEAD, "## contract.yml\n", *_fields(Contract, schema), ""]
    for place, model in SECTIONS.items():
        parts += [
            f"### `{place}`\n",
            f"{_one_line(model.__doc__)}\n",
            *_fields(model, schema["$defs"][model.__name__]),
            "",
        ]
    parts += [
        "### Expectations of `checks[]`\n",
        "| expectation | what it demands | arguments |",
        "| --- | --- | --- |",
    ]
    parts += [
        f"| `{name}` | {_cell(expectation['does'])} | {', '.join(f'`{one}`' for one in expectation['arguments'])} |"
        for name, expectation in known_expectations().items()
    ]
    parameters = "\n".join(f"| `${name}` | {text} |" for name, text in PARAMETERS.items())
    return "\n".join([*parts, "", _SQL + parameters + "\n" + _SQL_END, _EXAMPLES])


def _fields(model: type[BaseModel], schema: dict[str, Any]) -> Iterator[str]:
    yield "| field | values | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in model.model_fields.items():
        if (model, name) == (Contract, "name"):  # it comes from the folder
            continue
        default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        meaning = field.description or ""
        yield f"| `{name}` | {_cell(_values(schema['properties'][name]))} | {_cell(default)} | {_cell(meaning)} |"


def _values(schema: dict[str, Any]) -> str:
    """Return the kinds of values that a field takes, in words."""
    if "$ref" in schema:
        return "section"
    if "allOf" in schema:
        return _values(schema["allOf"][0])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_values(one) for one in schema["anyOf"] if one.get("type") != "null"))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_values(schema.get('items', {}))}"
    if kind == "object":
        return "mapping"
    names = {"string": "text", "integer": "whole number", "boolean": "`true`, `false`"}
    return " or ".join(names.get(one, str(one)) for one in (kind if isinstance(kind, list) else [kind]))


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined or value in ((), {}, ""):
        return ""
    if isinstance(value, BaseModel):
        return "its own defaults"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
