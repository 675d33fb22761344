"""The expectations of Great Expectations, as `contract/expectations.json` keeps them: contracts are checked without it.

`python -m lakeworks.documentation.expectation_list` writes the file (`make docs`).
"""

import inspect
import json
import re
from typing import Any

from lakeworks.contract.constraints import EXPECTATIONS
from lakeworks.quality.expectations import EXACTLY_BETWEEN, SHARE_OF_LIVE, SHARE_OF_MEDIAN

_OWN: dict[str, dict[str, Any]] = {
    EXACTLY_BETWEEN: {
        "does": "As expect_column_values_to_be_between, with limits that no float holds exactly.",
        "arguments": ["column", "max_value", "min_value", "mostly", "row_condition", "condition_parser"],
    }
}
_ROWS = "expect_table_row_count_to_be_between"


def read_expectations() -> dict[str, dict[str, Any]]:
    """Return what each expectation does and its arguments, by name; imports Great Expectations (seconds)."""
    from great_expectations import expectations as known
    from great_expectations.expectations.expectation import BatchExpectation

    common = {*BatchExpectation.__fields__, "library_metadata"}
    expectations: dict[str, dict[str, Any]] = {}
    kinds: dict[str, Any] = vars(known)
    for title, kind in kinds.items():
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", title).lower()
        round_trip = "".join(word.capitalize() for word in name.split("_"))
        if not (inspect.isclass(kind) and issubclass(kind, BatchExpectation) and title == round_trip):
            continue
        does = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
        arguments: Any = kind
        expectations[name] = {"does": does, "arguments": sorted(set(arguments.__fields__) - common)}
    expectations[_ROWS]["arguments"] += [SHARE_OF_MEDIAN, SHARE_OF_LIVE]
    return dict(sorted({**expectations, **_OWN}.items()))


def expectations_text() -> str:
    """Return the content of the file."""
    return json.dumps(read_expectations(), indent=1) + "\n"


if __name__ == "__main__":
    EXPECTATIONS.write_text(expectations_text(), encoding="utf-8")
