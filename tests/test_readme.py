"""README's "Add a table" and "Add a source", done as they are written, in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

pytestmark = pytest.mark.integration
REPOSITORY = Path(__file__).resolve().parents[1]
# A paragraph that ends with a file's name, then the block that it holds; or a block of commands.
STEP = re.compile(
    r"(?:`(?P<file>[\w/.]+)`:\n\n)?^ {3}```(?P<kind>\w+)\n(?P<text>.*?)^ {3}```$", re.MULTILINE | re.DOTALL
)


def steps(section: str) -> list[re.Match[str]]:
    text = (REPOSITORY / "README.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return list(STEP.finditer(text))


def run(project: Path, *command: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if key != "LAKE_PROJECT"}
    done = subprocess.run(
        command, cwd=project, env={**environment, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def follow(project: Path, section: str) -> str:
    """What the commands of the section print, after the files were written as the section says."""
    printed = ""
    for step in steps(section):
        content = (
            textwrap.dedent(step["text"]) if step["kind"] != "python" else re.sub("^ {3}", "", step["text"], flags=re.M)
        )
        if step["kind"] == "bash":
            printed += run(project, "bash", "-ec", content)
        elif step["kind"] == "python":
            with (project / step["file"]).open("a") as file:
                file.write(content)
        else:
            (project / step["file"]).write_text(content)
    return printed


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name in ("include/lake", "dags", "docs/tables"):
        shutil.copytree(REPOSITORY / name, root / name)
    (root / "tests").mkdir()
    shutil.copy(REPOSITORY / "lake.yml", root)
    shutil.copy(REPOSITORY / "tests/test_tables.py", root / "tests")
    return root


def test_adding_a_table_is_a_folder_and_a_line(project: Path) -> None:
    printed = follow(project, "Add a table")
    assert "1 table checked: no problems." in printed
    assert "1 example: 1 hold, 0 fail." in printed
    # the repository's own test of every table needs no change for it
    told = run(
        project, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "borough_daily_tips", "tests"
    )
    assert re.search(r"\d passed", told)


def test_adding_a_source_is_a_module_and_a_folder(project: Path) -> None:
    printed = follow(project, "Add a source")
    assert "wrote dags/nature.py" in printed
    assert "1 table checked: no problems." in printed
    assert "1 example: 1 hold, 0 fail." in printed
    answer = (project / "include/lake/tables/bronze/nature/readings/readings.json").read_bytes()

    class Vendor(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/v1/readings?date=2024-01-05"
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Vendor) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        rows = run(project, sys.executable, "-c", FETCH, f"http://127.0.0.1:{server.server_port}/v1")
        server.shutdown()
    assert rows.strip() == "[{'id': 1, 'name': 'text'}]"


FETCH = """
import sys
from lakeworks.core.partition import Period
from lakeworks.sources import FetchRequest, open_source, parser_of

class Kept:
    def fetch_once(self, name, ask, **facts):
        self.answer = ask()
        return self.answer

wanted, kept = FetchRequest("readings", Period.parse("2024-01-05")), Kept()
open_source("weather", sys.argv[1]).collect(wanted, kept)
print(list(parser_of("weather")(wanted, kept.answer)))
"""
