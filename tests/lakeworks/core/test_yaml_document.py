"""Files that people write: each fault of one is a message with its name, what remains and the next step."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lakeworks.cost.year_simulation import load_scenario
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import load_config
from lakeworks.infrastructure.inbox_events import load_inbox_events
from lakeworks.prices.book import load_price_book

FAULTS = {
    "not there": (None, "cannot be read"),
    "latin-1": ("project: caf\xe9".encode("latin-1"), "no UTF-8 text (byte 12)"),
    "no YAML": (b"a: [1", "no YAML"),
    "twice": (b"inbox_events: {}\ninbox_events: {}\n", "written twice"),
    "a wrong field": (b"inbox_events: {bucketz: 1}\nno_such_field: 1\n", "no_such_field|bucketz"),
}


@pytest.mark.parametrize("load", [load_config, load_price_book, load_inbox_events, load_scenario])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_file_is_one_message(tmp_path: Path, load: Callable[[Path], object], fault: str) -> None:
    body, words = FAULTS[fault]
    path = tmp_path / "file.yml"
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(ConfigError, match=words.replace("(", r"\(").replace(")", r"\)")) as error:
        load(path)
    assert str(path) in str(error.value)
    assert "Nothing was" in str(error.value) or "No run was" in str(error.value)
    assert str(error.value).rstrip().endswith((".", ")"))
