"""A table's code at one time: what the project has now, or what a run recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from lakeworks.contract import Contract, load_contract
from lakeworks.contract.stored_form import parse_stored_document
from lakeworks.core.names import TableName
from lakeworks.errors import ContractError
from lakeworks.ledger.code_record import CodeRecord
from lakeworks.project import Project
from lakeworks.transform.column_forms import TransformForms, transform_forms
from lakeworks.transform.function_meaning import code_in, function_code, normal_python
from lakeworks.transform.sql import load_sql, upstream


@dataclass(frozen=True)
class TableCode:
    """Contract, SQL and Python of a table. `load` reads the contracts of the tables that the SQL names."""

    contract: Contract
    sql: str
    functions: tuple[str, ...]
    load: Callable[[str], Contract]

    @classmethod
    def of_project(cls, contract: Contract, load: Callable[[str], Contract]) -> "TableCode":
        """Return the code in the project."""
        return cls(contract, load_sql(contract) or "", function_code(contract).text, load)

    @classmethod
    def of_record(cls, record: CodeRecord, load: Callable[[str], Contract]) -> "TableCode":
        """Return the code that a run recorded.

        Raises:
            ContractError: the stored contract has fields that this release does not know.
        """
        try:
            contract = parse_stored_document(dict(record.contract))
        except ValueError as error:
            raise ContractError(
                f"`{record.table}`: the code with the fingerprint {record.fingerprint} has a contract that this release does "
                "not read. Nothing was run. Compare with a revision of the project: lakeworks plan --since REVISION"
            ) from error
        return cls(contract, record.sql, record.functions, load)

    @classmethod
    def of_folder(cls, name: str, project: Project) -> "TableCode | None":
        """Return the code in another folder than the project's, such as an older revision; None if the table is not there.

        Raises:
            ContractError: the contract or a Python file there is broken.
        """
        folder = project.tables / TableName.parse(name).path
        if not (folder / "contract.yml").is_file():
            return None
        sql = folder / "transform.sql"
        text = code_in(folder, project.folder).text
        load = partial(load_contract, root=project.tables)
        return cls(load(name), sql.read_text() if sql.is_file() else "", text, load)

    @cached_property
    def forms(self) -> TransformForms | None:
        """The forms of rows and columns; None for a table that takes its source unchanged."""
        if not self.sql:
            return None
        inputs = {name: tuple(self.load(str(name)).columns) for name in upstream(self.sql)}
        return transform_forms(self.sql, inputs)

    @cached_property
    def python(self) -> tuple[str, ...]:
        """The Python files in normal form."""
        return tuple(normal_python(text) for text in self.functions)
