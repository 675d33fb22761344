"""The project: a folder with a `lake.yml`, and the lake's own tables, sources and functions below `include/lake/`.

The setting `LAKE_PROJECT` names it. Without it, the project is the folder of the nearest `lake.yml`: first upwards from the
working folder, then upwards from Airflow's DAG folder.
"""

import importlib
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from lakeworks.errors import ConfigError

MARKER = "lake.yml"
PACKAGE = "lake"
TABLES = f"include/{PACKAGE}/tables"  # from the project's root


@dataclass(frozen=True)
class Project:
    """One project; `root` is the folder that holds `lake.yml`."""

    root: Path

    @property
    def file(self) -> Path:
        """The project's `lake.yml`."""
        return self.root / MARKER

    @property
    def folder(self) -> Path:
        """The lake's own folder."""
        return self.root / "include" / PACKAGE

    @property
    def tables(self) -> Path:
        """The folder of the table folders: `<layer>/<domain>/<table>/`."""
        return self.root / TABLES

    @property
    def sources(self) -> Path:
        """The folder of the project's own source clients, one module a vendor."""
        return self.folder / "sources"

    def load_module(self, name: str) -> ModuleType:
        """Import a module of the lake's folder by its name below it: `tables.gold.market.indicators.transform`.

        It is imported as `lake.<name>`, so that a worker on another machine finds it too.

        Raises:
            ConfigError: another project's `lake` package comes first on Python's path.
        """
        package = sys.modules.get(PACKAGE) or self._load_package()
        folders = [str(Path(part).resolve()) for part in package.__path__]
        if str(self.folder.resolve()) not in folders:
            raise ConfigError(
                f"Python imports `{PACKAGE}` from `{folders[0]}`, which is another project than `{self.root}`. "
                "Nothing was run. Run each project in a Python process of its own, and take the other one off PYTHONPATH."
            )
        return importlib.import_module(f"{PACKAGE}.{name}")

    def _load_package(self) -> ModuleType:
        """Load the package from the project's own folder, whatever else on Python's path has its name."""
        spec = PathFinder.find_spec(PACKAGE, [str(self.folder.parent)])
        if spec is None:
            raise ConfigError(f"There is no folder `{self.folder}`. Nothing was run. Is `{self.root}` a whole project?")
        package = sys.modules[PACKAGE] = module_from_spec(spec)
        if spec.loader is not None:
            spec.loader.exec_module(package)
        return package


def current_project() -> Project:
    """Return the project this process works for.

    Raises:
        ConfigError: there is no `lake.yml`, or LAKE_PROJECT names a folder without one.
    """
    return _find(os.environ.get("LAKE_PROJECT"), os.environ.get("AIRFLOW__CORE__DAGS_FOLDER"), _working_folder())


@lru_cache(maxsize=8)
def _find(named: str | None, dags: str | None, working: Path | None) -> Project:
    if named:
        root = Path(named).expanduser().resolve()
        if not (root / MARKER).is_file():
            raise ConfigError(
                f"LAKE_PROJECT is `{named}`, and there is no `{MARKER}` in it. Nothing was run. Name the folder of a "
                f"project, or make one: lakeworks init {named}"
            )
        return Project(root)
    for start in (working, Path(dags).resolve() if dags else None):
        for folder in (start, *start.parents) if start else ():
            if (folder / MARKER).is_file():
                return Project(folder)
    raise ConfigError(
        f"No `{MARKER}` in `{working}` or in a folder above it. Nothing was run. Go to your project's folder, set LAKE_PROJECT "
        "to it, or make one: lakeworks init my-lake"
    )


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # the folder was deleted under the process
        return None
