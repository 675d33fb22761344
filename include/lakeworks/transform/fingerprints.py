"""The fingerprint of the code that makes a table's rows: SQL, Python, declared rows, and the contract's rules and types.

A publication records the fingerprint of its run. Another one today means that a build would use other code.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lakeworks.contract import Contract
from lakeworks.transform.function_meaning import function_code
from lakeworks.transform.sql import load_sql, upstream
from lakeworks.transform.sql_meaning import condition_form, normal_form

# Fields of a contract that change no row: whatever a release adds counts until it is named here.
_ABOUT_THE_TABLE = {"name", "version", "status", "description", "team", "tags", "freshness", "retention", "catalog"}
_ABOUT_THE_TABLE |= {"serving", "storage", "quarantine", "engine", "approval"}
_ABOUT_A_COLUMN = {"description", "classification", "pii"}
_FILES_READ = {".csv", ".json", ".txt"}  # declared rows, and other data beside the SQL


@dataclass(frozen=True)
class CodeFingerprint:
    """Two hashes of a table's code: of its meaning, and of its text.

    The text settles the usual case, that nothing changed, whichever release of the parser wrote the other hash.
    """

    meaning: str
    text: str

    def __str__(self) -> str:
        """Return the form that publications store."""
        return f"{self.meaning}.{self.text}"

    def made(self, recorded: str) -> bool:
        """Return whether this code made a publication with the recorded fingerprint; True if none was recorded."""
        meaning, _, text = recorded.partition(".")
        return not recorded or self.text == text or self.meaning == meaning


def code_fingerprint(contract: Contract, load: Callable[[str], Contract]) -> CodeFingerprint:
    """Return the fingerprint of a table's code as it is in the project now. `load` reads other tables' contracts.

    Raises:
        ContractError: the SQL or a Python file does not parse.
    """
    sql = load_sql(contract) or ""
    function = function_code(contract)
    files = sorted(path for path in contract.folder.glob("*") if path.suffix in _FILES_READ)
    data = [f"{path.name}: {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    inputs = {name: tuple(load(str(name)).columns) for name in upstream(sql)} if sql else {}
    meaning = [normal_form(sql, inputs) if sql else "", *function.meaning, *data, _stable(_rules(contract))]
    text = [sql, *function.text, *data, _stable(contract.model_dump(mode="json", exclude_unset=True))]
    return CodeFingerprint(_hash(meaning), _hash(text))


def _rules(contract: Contract) -> dict[str, Any]:
    """Return what a contract says about rows: types, rules, checks and inputs, without words for people."""
    fields = contract.model_dump(mode="json", exclude_defaults=True, exclude=_ABOUT_THE_TABLE)
    columns = contract.model_dump(mode="json", exclude_defaults=True, include={"columns"})["columns"]
    fields["columns"] = [
        [name, {key: value for key, value in column.items() if key not in _ABOUT_A_COLUMN}]
        for name, column in columns.items()
    ]
    fields["rows"] = [[rule.name, condition_form(rule.sql)] for rule in contract.rows]
    fields["checks"] = [[check.expectation, check.kwargs, check.severity] for check in contract.checks]
    return fields


def _stable(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
