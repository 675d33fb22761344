"""`lakeworks doctor`: look at everything that a first run needs."""

import os
from collections import Counter
from collections.abc import Sequence

import typer
from rich.console import Console

from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import client
from lakeworks.cli.output import emit
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.doctor.examination import Deployment, every_check
from lakeworks.doctor.health_check import Examined, examine
from lakeworks.infrastructure.config import load_config
from lakeworks.settings import current_settings

_COLOURS = {"ok": "green", "warning": "yellow", "failure": "red", "skipped": "dim"}


def examine_deployment(as_json: AsJson = False) -> None:
    """Check that a deployment can run: AWS, sources, machine, Airflow.

    What it writes for a trial is removed again. Exit code 1 if a check failed.
    """
    settings = current_settings()
    contracts = [load_contract(name) for name in all_tables()]
    deployment = Deployment(settings, load_config(settings.config_file), contracts, client, os.environ)
    console, examined = Console(highlight=False, soft_wrap=True), list[Examined]()
    checks = list(every_check(deployment))
    results = examine(checks)
    for number, check in enumerate(checks, 1):
        with waiting(f"Checking {check.name} ({number} of {len(checks)})"):
            examined.append(next(results))
        if not as_json:
            _print(console, examined[-1])
    if as_json:
        emit([item.as_dict() for item in examined], as_json=True)
    else:
        _print_end(console, examined, is_aws=deployment.is_aws)
    if any(item.diagnosis.state == "failure" for item in examined):
        raise typer.Exit(1)


def _print(console: Console, item: Examined) -> None:
    """Print one line for a check: its state, its name, what was found, the remedy."""
    diagnosis = item.diagnosis
    console.print(f"{diagnosis.state:<8}", style=_COLOURS[diagnosis.state], end="")
    remedy = f" → {diagnosis.remedy}" if diagnosis.remedy else ""
    console.print(f"{item.check}: {' '.join(diagnosis.detail.split())}{remedy}", markup=False)


def _print_end(console: Console, examined: Sequence[Examined], *, is_aws: bool) -> None:
    counts = Counter(item.diagnosis.state for item in examined)
    console.print(", ".join(f"{count} {state}" for state, count in counts.items()))
    unproven = list(dict.fromkeys(item.diagnosis.unproven for item in examined if item.diagnosis.unproven))
    if not is_aws:
        listed = "; ".join(["IAM, unless the endpoint enforces it", *unproven])
        console.print(f"This endpoint is not AWS. It cannot prove: {listed}.", markup=False)
