"""Detection is offered: what it finds reads the file, and what it cannot find is an error."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakeworks.errors import ConfigError
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.protocols import format_of
from lakeworks.formats.text.csv_detection import detect_options

PLAIN = "id,name,amount\n1,Ann,1.5\n2,Bob,2.5\n"
CASES: list[tuple[str, bytes, dict[str, Any]]] = [
    ("plain.csv", PLAIN.encode(), {}),
    (
        "semicolon.csv",
        "id;name;amount\n1;Ann;1.234,50\n2;Köln;0,10\n".encode(),
        {"delimiter": ";", "decimal_comma": True},
    ),
    ("old.csv", "id;name\n1;Köln\n".encode("latin-1"), {"encoding": "latin-1", "delimiter": ";"}),
    ("windows.csv", "id,price\n1,5 €\n".encode("cp1252"), {"encoding": "cp1252"}),
    ("utf16.csv", PLAIN.encode("utf-16"), {"encoding": "utf-16"}),
    ("tabs.tsv", b"id\tname\n1\tAnn\n", {}),
    ("pipe.csv", b"id|note\n1|a,b\n2|c,d\n", {"delimiter": "|"}),
    ("titled.csv", b"Sales of May\nid,name,amount\n1,Ann,NULL\n", {"skip_lines": 1, "null_words": ["NULL"]}),
    ("bare.csv", b"1,Ann\n2,Bob\n", {"header": False, "columns": ["column_1", "column_2"]}),
    ("quoted.csv", b'id,note\n1,"a;b;c\nd"\n2,"x;y;z"\n', {}),
    ("one.csv", b"id\n1\n2\n", {}),
]


@pytest.mark.parametrize(("name", "content", "options"), CASES, ids=[case[0] for case in CASES])
def test_the_options_are_found_and_read_the_file(
    tmp_path: Path, name: str, content: bytes, options: dict[str, Any]
) -> None:
    (path := tmp_path / name).write_bytes(content)
    found = detect_options(path)
    assert found.options == options
    chosen = FormatOptions(**found.options)
    with path.open("rb") as file:
        batches = list(format_of(name, chosen).read(file, chosen))
    assert sum(batch.rows for batch in batches) >= 1
    assert tuple(batches[0].columns) == found.columns


def test_a_compressed_file_is_looked_into(tmp_path: Path) -> None:
    (path := tmp_path / "rows.csv.gz").write_bytes(gzip.compress(b"id;v\n1;2\n"))
    assert detect_options(path).options == {"delimiter": ";"}


@pytest.mark.parametrize("content", [b"", b"\x89PNG\0\0", b'id,v\n1,"never closed\n'])
def test_what_is_no_table_of_text_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "odd.csv").write_bytes(content)
    with pytest.raises(ConfigError, match="odd.csv"):
        detect_options(path)


def test_the_command_prints_what_a_contract_takes(tmp_path: Path) -> None:
    (path := tmp_path / "rows.csv").write_text("id;v\n1;2,5\n")
    command = [sys.executable, "-m", "lakeworks", "source", "detect", str(path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert yaml.safe_load(shown) == {"source_options": {"delimiter": ";", "decimal_comma": True}}
    (facts,) = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert facts["columns"] == ["id", "v"]
