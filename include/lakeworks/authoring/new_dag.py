"""The line of a table in its domain's DAG file; a new domain gets a file."""

from pathlib import Path

from lakeworks.core.names import TableName

_TEMPLATE = '''"""Tables of the domain {domain}, one day a run."""

import pendulum

from lakeworks_airflow import {names}


@lake_dag(
    schedule=DailyPartitions("06:00"),
    grain="day",
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["domain:{domain}"],
)
def {domain}():
    {line}
'''


def dag_line(name: str, *, source: bool) -> str:
    """Return the line that a DAG file needs."""
    return f'{_step(source=source)}("{name}")'


def domain_files(folder: Path, name: str) -> list[Path]:
    """Return the DAG files that build tables of the same domain."""
    domain = f".{TableName.parse(name).domain}."
    return [path for path in sorted(folder.glob("*.py")) if domain in path.read_text(encoding="utf-8")]


def dag_file(name: str, *, source: bool) -> tuple[str, str]:
    """Return name and text of the DAG file of a new domain."""
    domain = TableName.parse(name).domain
    names = ", ".join(["DailyPartitions", *sorted(["lake_dag", _step(source=source)])])
    text = _TEMPLATE.format(domain=domain, names=names, line=dag_line(name, source=source))
    return f"{domain}.py", text


def _step(*, source: bool) -> str:
    return "ingest" if source else "write_audit_publish"
