"""The dependency direction of the design holds."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def test_import_rules_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_library_works_without_airflow() -> None:
    code = """import importlib, pkgutil, sys
sys.modules['airflow'] = None
import lakeworks
for module in pkgutil.walk_packages(lakeworks.__path__, 'lakeworks.'):
    if not module.name.endswith('__main__'):
        importlib.import_module(module.name)
print('ok')"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "ok", done.stderr
