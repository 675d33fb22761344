"""Runs inside the environment of datacontract-cli, which `make conformance` installs: judges ODCS documents, prints JSON.

`python datacontract_judge.py lint|test FILE…`; one process for many documents, because the tool takes seconds to start.
"""

import json
import sys
from pathlib import Path

from datacontract.data_contract import DataContract

FORMATS = ("dbt-sources", "sql", "great-expectations", "html")
# A table of layout `versioned` names no server of its files: the dialect of its SQL is said by the caller.
DIALECT = "trino"


def linted(path: str) -> list[str]:
    contract = DataContract(data_contract_file=path)
    found = [
        f"lint: {check.name}: {check.reason}" for check in contract.lint().checks if check.result.value != "passed"
    ]
    has_server = "\nservers:" in Path(path).read_text()
    for kind in FORMATS:
        try:
            text = DataContract(data_contract_file=path).export(kind, sql_server_type="auto" if has_server else DIALECT)
        except Exception as error:
            found.append(f"{kind}: {type(error).__name__}: {error}")
        else:
            found += [] if Path(path).name.split(".")[2] in str(text) else [f"{kind}: the table is not in it"]
    return found


def tested(path: str) -> dict[str, list[str]]:
    checks = DataContract(data_contract_file=path, server="lake").test().checks
    return {
        result: sorted(f"{check.type}:{check.field or check.name}" for check in checks if check.result.value == result)
        for result in sorted({check.result.value for check in checks})
    }


if __name__ == "__main__":
    judge = {"lint": linted, "test": tested}[sys.argv[1]]
    print("\n" + json.dumps({Path(path).name: judge(path) for path in sys.argv[2:]}))
