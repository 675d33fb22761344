"""Files of a new table whose contract is an Open Data Contract Standard document."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lakeworks.authoring.new_table import (
    LINEAGE_COLUMNS,
    contract_text,
    example_period,
    example_text,
    example_value,
    select_text,
)
from lakeworks.authoring.odcs_contract import read_odcs, to_contract
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.names import suggestion
from lakeworks.documentation.odcs_columns import exactly
from lakeworks.errors import ConfigError, ContractError


def from_odcs(
    name: str, path: Path, upstream: str | None = None, source: str | None = None
) -> tuple[dict[str, str], tuple[str, ...], bool]:
    """Return the files, the parts of the document that no field can say, and whether the table has a source.

    The document does not have the SQL. Columns are taken by their names from `upstream`, by default the table that the
    document names as their source.

    Raises:
        ConfigError: the document cannot be read, or it is not known what the table is made of.
        ContractError: the document says what is not possible here, or there is no such upstream table.
    """
    document = read_odcs(path)
    converted = to_contract(document, name, path.name)
    contract = converted.contract
    named = [item for table in document.schema_ or () for one in table.properties or () for item in _sources(one)]
    source = source or (None if upstream else contract.source)
    upstream = upstream or next((item for item in named if item in all_tables() and item != name), None)
    if not source and not upstream:
        raise ConfigError(
            f"`{path}` does not say which table or source `{name}` is built from. Nothing was written. Give "
            "--from or --source too."
        )
    files = _landed(contract, source) if source else _selected(contract, str(upstream))
    return files, converted.left_out, bool(source)


def _sources(one: Any) -> Sequence[str]:
    return one.transformSourceObjects or ()


def _selected(contract: Contract, upstream: str) -> dict[str, str]:
    if upstream not in all_tables():
        raise ContractError(
            f"There is no table `{upstream}`. {suggestion(upstream, all_tables())} Nothing was written."
        )
    # the only example that holds whatever the rules are
    example = {
        "name": "no row gives no row",
        "period": example_period(contract),
        "given": {upstream: []},
        "expect": [],
    }
    return {
        "contract.yml": contract_text(written(contract)),
        "transform.sql": select_text(load_contract(upstream), contract.columns),
        "examples.yml": example_text(example),
    }


def _landed(contract: Contract, source: str) -> dict[str, str]:
    document = {**written(contract), "source": source}
    document["columns"] = {
        **document["columns"],
        **{k: v for k, v in LINEAGE_COLUMNS.items() if k not in contract.columns},
    }
    row = {key: example_value(column.type) for key, column in contract.columns.items() if not key.startswith("_")}
    example = {
        "name": "a row is taken as it is",
        "period": example_period(contract),
        "given": {"landing": [row]},
        "expect": [row],
    }
    return {"contract.yml": contract_text(document), "examples.yml": example_text(example)}


def written(contract: Contract) -> dict[str, Any]:
    """Return a contract as contract.yml writes it: without its name and what is so by default."""
    fields: dict[str, Any] = contract.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
    if contract.source_options:
        fields["source_options"] = contract.source_options  # a date stays one
    for name, column in contract.columns.items():
        fields["columns"][name] |= {
            key: exactly(value) for key in ("minimum", "maximum") if (value := getattr(column, key)) is not None
        }
        if column.allowed is not None:
            fields["columns"][name]["allowed"] = [exactly(value) for value in column.allowed]
    return {**fields, "grain": list(contract.grain)}
