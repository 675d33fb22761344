"""Check of a table's folder, without a lake: contract, SQL, lineage, source, examples. Every problem at once, one line each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from lakeworks.authoring.dag_wiring import airflow_is_installed, read_wiring, wiring_problems
from lakeworks.authoring.new_table import reserved_word
from lakeworks.authoring.sql_check import sql_problems
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.names import TableName, suggestion
from lakeworks.errors import ConfigError, ContractError, Problem
from lakeworks.project import TABLES, current_project
from lakeworks.sources import known_sources
from lakeworks.transform.examples import read_examples
from lakeworks.transform.group_functions import has_function, load_function
from lakeworks.transform.sql import load_sql

_FILES = {"contract.yml", "transform.sql", "transform.py", "examples.yml", "rows.csv", "README.md", "__init__.py"}


def table_problems(name: str) -> list[Problem]:
    """Return everything that is wrong with a table's folder; empty if nothing is.

    Raises:
        ContractError: there is no such table.
    """
    try:
        contract = load_contract(name)
    except ContractError as error:
        if error.problems:
            return list(error.problems)
        raise
    parts: Sequence[Callable[[Contract], Iterator[Problem]]] = (
        _folder_problems, _reference_problems, _source_problems, sql_problems, _function_problems, _example_problems,
    )  # fmt: skip
    return [problem for part in parts for problem in part(contract)]


def _folder_problems(contract: Contract) -> Iterator[Problem]:
    names = {path.name for path in contract.folder.iterdir() if not path.name.startswith((".", "__"))}
    for name in sorted(names - _FILES):
        if Path(name).suffix in (".yml", ".yaml", ".sql", ".py"):
            yield Problem(
                contract.path_of(name), "", f"no file of a table has this name. {suggestion(name, sorted(_FILES))}"
            )
    if word := reserved_word(contract.table):
        yield Problem(
            contract.path_of("contract.yml"),
            "",
            f"`{word}` in the table's name is a keyword of Python or SQL: rename it",
        )
    if not contract.source and "transform.sql" not in names:
        yield Problem(
            contract.path_of("contract.yml"), "source", "is missing: a table has a `source` or a transform.sql"
        )


def _reference_problems(contract: Contract) -> Iterator[Problem]:
    """Yield a problem for each table that the contract names and the project does not have."""
    file, known = contract.path_of("contract.yml"), all_tables()
    named = [(f"inputs.{name}", name) for name in contract.inputs]
    named += [("preserves_rows", contract.preserves_rows)] if contract.preserves_rows else []
    arrivals = contract.late_data.upstreams if contract.late_data else ()
    named += [("late_data.arrivals_from", name) for name in arrivals]
    for field, name in named:
        if name not in known:
            yield Problem(file, field, f"there is no table `{name}`. {suggestion(name, known)}")


def _source_problems(contract: Contract) -> Iterator[Problem]:
    file = contract.path_of("contract.yml")
    if contract.source:
        name = contract.source.partition(".")[0]
        try:
            known = known_sources()
        except (ContractError, ConfigError) as error:
            yield Problem(file, "source", str(error))
            return
        if name not in known:
            yield Problem(file, "source", f"there is no source `{name}`. {suggestion(name, sorted(known))}")
    elif contract.source_options:
        yield Problem(file, "source_options", "the table has no `source` to read them")


def _function_problems(contract: Contract) -> Iterator[Problem]:
    """Yield the problems of `transform.py`: columns it groups by, and columns it does not explain."""
    if not has_function(contract):
        return
    file = contract.path_of("transform.py")
    try:
        function, selected = load_function(contract), _selected(contract)
    except (ContractError, ConfigError) as error:
        yield Problem(file, "", str(error))
        return
    if function is None or selected is None:
        return
    if unknown := sorted(set(function.group_by) - set(contract.columns)):
        yield Problem(file, "GROUP_BY", f"names no column of the table: {', '.join(unknown)}")
    computed = set(contract.columns) - selected
    if missing := sorted(computed - set(function.made_of)):
        yield Problem(file, "MADE_OF", f"does not say of which columns it computes {', '.join(missing)}")
    for name, columns in function.made_of.items():
        if name not in computed:
            yield Problem(
                file, f"MADE_OF.{name}", f"is no column that it computes. {suggestion(name, sorted(computed))}"
            )
        for column in sorted(set(columns) - selected):
            yield Problem(
                file, f"MADE_OF.{name}", f"transform.sql selects no `{column}`. {suggestion(column, sorted(selected))}"
            )


def _selected(contract: Contract) -> set[str] | None:
    from sqlglot import parse_one

    sql = load_sql(contract)
    return set(parse_one(sql, read="duckdb").named_selects) if sql else None


def _example_problems(contract: Contract) -> Iterator[Problem]:
    try:
        read_examples(contract)
    except ContractError as error:
        yield from error.problems or [Problem(contract.path_of("examples.yml"), "", str(error))]


def project_problems(
    tables: Sequence[str] | None = None, *, dags: bool = True
) -> tuple[list[str], list[Problem], list[str]]:
    """Return the tables that were checked, their problems, and notes of what could not be checked here.

    Raises:
        ContractError: a table that is named does not exist.
        ConfigError: Airflow itself failed.
    """
    names = list(tables or all_tables())
    problems = [problem for name in names for problem in table_problems(name)]
    if not tables:
        problems += _stray_folders()
    folder = current_project().root / "dags"
    if not dags or not folder.is_dir():
        return names, problems, []
    if not airflow_is_installed():
        return names, problems, ["DAG wiring was not checked: Airflow is not installed here (lakeworks[airflow])."]
    contracts = _loadable()
    problems += wiring_problems(read_wiring(folder), contracts, names, set(all_tables()) - contracts.keys())
    return names, problems, []


def _loadable() -> dict[str, Contract]:
    loadable = {}
    for name in all_tables():
        with suppress(ContractError):  # its own check says what is wrong
            loadable[name] = load_contract(name)
    return loadable


def _stray_folders() -> Iterator[Problem]:
    """Yield each folder below `tables/` that is no table: everything else overlooks it silently."""
    root = current_project().tables
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".yml", ".sql") or path.name not in _FILES:
            continue
        name = ".".join(path.parent.relative_to(root).parts)
        shown = f"{TABLES}/{path.relative_to(root)}"
        if not (path.parent / "contract.yml").is_file():
            yield Problem(shown, "", "there is no contract.yml beside it, so lakeworks does not read this folder")
        elif path.name == "contract.yml":
            try:
                TableName.parse(name)
            except ContractError as error:
                yield Problem(shown, "", str(error))
