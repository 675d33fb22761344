"""JSON schema of `contract.yml`, for editors that complete and check YAML, written from the contract's models."""

from typing import Any

from lakeworks.contract import Contract

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def contract_schema() -> dict[str, Any]:
    """Return the schema; the table's name is left out, because it comes from the folder."""
    schema = Contract.model_json_schema()
    schema["properties"].pop("name")
    schema["required"].remove("name")
    return {"$schema": DIALECT, **schema, "title": "Lakeworks contract.yml"}
