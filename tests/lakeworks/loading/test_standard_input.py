"""Standard input is written to scratch, because it can be read once only."""

import io
from pathlib import Path

import pytest

from lakeworks.errors import ScratchUnavailable
from lakeworks.loading.standard_input import spooled
from tests.lakeworks.loading.conftest import till_contract
from tests.lakeworks.objects.conftest import full_disk

__all__ = ["full_disk"]


def test_it_is_a_file_while_it_is_needed(tmp_path: Path) -> None:
    with spooled(io.BytesIO(b"id\n1\n"), till_contract(), "csv", None, tmp_path) as file:
        assert (file.name, file.path.read_bytes()) == ("stdin.csv", b"id\n1\n")
    assert not file.path.exists()


def test_a_full_disk_is_an_error_of_the_tree_and_nothing_stays(full_disk: Path) -> None:
    with (
        pytest.raises(ScratchUnavailable, match="Nothing was published"),
        spooled(io.BytesIO(b"x" * (3 << 20)), till_contract(), "csv", None, full_disk),
    ):
        pytest.fail("it cannot be there")
    assert list(full_disk.iterdir()) == []
