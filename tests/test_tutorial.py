"""The guide's tutorial, done as it is written: its commands run, its files hold, and its table keeps its example."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
PAGE = Path(__file__).resolve().parents[1] / "docs/guide/tutorial.md"
# A file's name and what it holds, or a block of commands. A block without a language needs the running stack.
STEP = re.compile(
    r"(?:`(?P<file>[\w/.]+)`:\n\n)?^```(?P<kind>bash|yaml|sql)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LAKE_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    printed, folder = "", tmp_path
    for step in STEP.finditer(PAGE.read_text()):
        if step["kind"] != "bash":
            assert (folder / step["file"]).exists(), "`table new` wrote it before"
            (folder / step["file"]).write_text(step["text"])
            continue
        done = subprocess.run(
            ["bash", "-ec", step["text"]], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{step['text']}{done.stdout}{done.stderr}"
        printed += done.stdout + done.stderr
        if "cd my-lake" in step["text"]:
            folder = tmp_path / "my-lake"
    assert "3 tables checked: no problems." in printed
    assert "1 table checked: no problems." in printed
    assert "1 example: 1 hold, 0 fail." in printed
    assert "wrote 6 pages to site" in printed
    assert 'FROM "gold_shop"."daily_revenue"' in printed or "FROM gold_shop.daily_revenue" in printed
    assert (folder / "site/tables/gold.shop.best_sellers.html").exists()
