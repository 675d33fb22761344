"""Checks of this machine and its settings: the salt for personal data, and scratch space."""

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lakeworks.contract import Contract
from lakeworks.core.scratch import scratch_folder
from lakeworks.doctor.health_check import Diagnosis

_TRIAL_BYTES = 1 << 20
_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
_AMOUNT = re.compile(r"\s*([0-9.]+)\s*([KMGT]?)I?B?\s*", re.IGNORECASE)


def salt(contracts: Iterable[Contract], *, is_set: bool) -> Diagnosis:
    """Require LAKE_PII_SALT if a contract hashes a column with it."""
    masked = [item.name for item in contracts if any(column.masking for column in item.columns.values())]
    if not masked:
        return Diagnosis("ok", "no contract hashes a column")
    if is_set:
        return Diagnosis("ok", f"set; {', '.join(masked)} use it")
    return Diagnosis(
        "failure",
        f"LAKE_PII_SALT is not set, and runs of {', '.join(masked)} stop without it",
        "Set a secret of at least 16 characters, once and for good: another salt gives the same person other hashes.",
    )


def scratch(folder: Path, memory_limit: str, usage: Callable[[Path], Any] = shutil.disk_usage) -> Diagnosis:
    """Write a trial file, and compare the free space with what the engine may hold in memory before it spills.

    Raises:
        ScratchUnavailable: the folder cannot be written, or the disk is full.
    """
    with scratch_folder(folder) as made:
        (made / "trial").write_bytes(bytes(_TRIAL_BYTES))
        free = int(usage(made).free)
    limit = bytes_of(memory_limit)
    detail = f"`{folder}` has {free / 1000**3:,.1f} GB free"
    remedy = "Free space, or name another folder in LAKE_SCRATCH_DIR: a task keeps downloads and spilled rows there."
    if free < limit:
        return Diagnosis("failure", f"{detail}, less than LAKE_MEMORY_LIMIT ({memory_limit})", remedy)
    if free < 4 * limit:
        return Diagnosis("warning", f"{detail}, less than four times LAKE_MEMORY_LIMIT ({memory_limit})", remedy)
    return Diagnosis("ok", detail)


def lineage(url: str, folder: Path, *, is_aws: bool) -> Diagnosis:
    """Show where lineage events go. By default they go to this machine's disk, which a pod or a managed worker loses."""
    if url == "off":
        return Diagnosis("ok", "off")
    if url != "file":
        return Diagnosis(
            "ok", "to the OpenLineage client's own target" if url == "client" else f"to {_without_password(url)}"
        )
    if not is_aws:
        return Diagnosis("ok", f"to files in `{folder}`")
    return Diagnosis(
        "warning",
        f"to files in `{folder}` of the machine that runs a task: a pod, a container or a managed worker loses them",
        "Set LAKE_LINEAGE_URL to a server (http…) or a shared folder (file:…), or to off (docs/lineage.md).",
    )


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)


def bytes_of(text: str) -> int:
    """Return an amount of memory in DuckDB's spelling (`1GB`, `512MiB`) as bytes; 0 for one in per cent."""
    match = _AMOUNT.fullmatch(text)
    return int(float(match[1]) * _UNITS[match[2].upper()]) if match else 0
