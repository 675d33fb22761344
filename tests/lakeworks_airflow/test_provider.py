"""Airflow knows the package as a provider: its connection types with their forms, its links, its timetables."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest

from lakeworks.sources import known_sources
from lakeworks_airflow.hooks import HOOKS
from lakeworks_airflow.provider import provider_info

# As Airflow asks: in a process of its own, while it is itself being imported.
PROBE = """
import json
from airflow.providers_manager import ProvidersManager
from airflow.plugins_manager import get_timetables_plugins
manager = ProvidersManager()
print(json.dumps({
    "providers": sorted(manager.providers), "hooks": sorted(name for name in manager.hooks if manager.hooks[name]),
    "links": manager.extra_links_class_names, "timetables": sorted(get_timetables_plugins()),
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow"))}
    done = subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_airflow_lists_the_provider_with_its_parts(seen: dict[str, list[str]]) -> None:
    assert "lakeworks" in seen["providers"]
    assert {hook.conn_type for hook in HOOKS} <= set(seen["hooks"])
    assert "lakeworks_airflow.ui_links.DataLink" in seen["links"]
    assert "lakeworks_airflow.timetables.DailyPartitions" in seen["timetables"]


def test_the_description_has_airflows_form() -> None:
    import airflow

    schema = json.loads((Path(airflow.__path__[0]) / "provider_info.schema.json").read_text())
    jsonschema.validate(provider_info(), schema)
    for group in provider_info()["operators"]:
        assert all(find_spec(name) for name in group["python-modules"])


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.conn_type)
def test_a_connections_form_asks_for_what_its_client_reads(hook: type) -> None:
    assert hook.conn_type in known_sources()  # type: ignore[attr-defined]
    assert set(hook.get_connection_form_widgets()) == set(hook.extras)  # type: ignore[attr-defined]
    hidden = hook.get_ui_field_behaviour()["hidden_fields"]  # type: ignore[attr-defined]
    assert ("password" in hidden) == (hook.key_label is None)  # type: ignore[attr-defined]
