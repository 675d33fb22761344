"""Contracts in a lake's storage (`metadata/contracts/`), including those of earlier releases.

Stored contracts are never rewritten, so this module lists every renamed field with its former name.
"""

import json
from typing import Any

from lakeworks.contract.contract import Contract

# Section by its former name: its name today, and its renamed fields.
_RENAMED = {"rebuilds": ("late_data", {"touched_by": "arrivals_from", "dated_by": "partition_time"})}


def parse_stored(body: bytes) -> Contract:
    """Parse a stored contract.

    Raises:
        ValueError: it is no contract in the form of this release or an earlier one.
    """
    content = json.loads(body)
    return parse_stored_document(content) if isinstance(content, dict) else Contract.model_validate(content)


def parse_stored_document(content: dict[str, Any]) -> Contract:
    """Parse a stored contract that is part of another document.

    Raises:
        ValueError: it is no contract in the form of this release or an earlier one.
    """
    return Contract.model_validate(_renamed(content))


def _renamed(content: dict[str, Any]) -> dict[str, Any]:
    """Return a stored document with today's names; without a section of a former name it is returned as it is."""
    for former, (name, fields) in _RENAMED.items():
        if former in content:
            section = content.pop(former)
            content[name] = _with_names(section, fields)
    return content


def _with_names(section: Any, fields: dict[str, str]) -> Any:
    if not isinstance(section, dict):
        return section
    return {fields.get(key, key): value for key, value in section.items()}
