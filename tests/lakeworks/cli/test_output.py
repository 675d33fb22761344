"""Tables for a person fit the terminal, show what the values are and write numbers as people do."""

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.cli.cell_text import cell, exact_cell, header, money
from lakeworks.cli.column_choice import show_every_column
from lakeworks.cli.column_fit import fit, measure
from lakeworks.cli.output import Layout, emit

ROW = {
    "table": "silver.transport.trips",
    "description": "Plausible trips, one row per trip.",
    "published": 12_000,
    "run": "manual__2019-01-01T00:00:00",
}

PLAIN = Layout()


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Print a row at a width; returns the lines."""

    def run(width: int | None, *, layout: Layout = PLAIN, row: dict[str, Any] = ROW) -> list[str]:
        if width:
            monkeypatch.setenv("COLUMNS", str(width))
        else:
            monkeypatch.delenv("COLUMNS", raising=False)
        emit([row], as_json=False, layout=layout)
        return capsys.readouterr().out.splitlines()

    return run


def test_brackets_are_text_and_no_markup(printed: Any) -> None:
    """`time64[us]` was printed as `time64`, and a lone `[/]` ended the command with a traceback."""
    lines = "\n".join(printed(None, row={"detail": "column seen is time64[us]", "other": "part [/] of [bold]"}))
    assert ("time64[us]" in lines, "part [/] of [bold]" in lines) == (True, True)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_line_is_longer_than_the_terminal_and_no_word_breaks(printed: Any, width: int) -> None:
    lines = printed(width)
    table = [line for line in lines if not line.startswith("Not shown")]
    assert max(map(len, table)) <= width
    words = {word for line in table[2:] for word in line.split()}
    assert "silver.transport.trips" in words
    assert words <= {word for value in (*ROW.values(), "12,000") for word in str(value).split()}


def test_columns_go_from_the_right_and_the_extra_ones_first(printed: Any) -> None:
    assert printed(60)[-1] == "Not shown: run. Every column: --wide"
    layout = Layout(extra=("description",))
    assert printed(70, layout=layout)[-1] == "Not shown: description. Every column: --wide"
    assert printed(48, layout=layout)[-1] == "Not shown: description, run. Every column: --wide"


def test_text_of_one_line_is_cut_after_a_word(printed: Any) -> None:
    lines = printed(64, layout=Layout(one_line=("description",), extra=("run",)))
    assert (len(lines), "Plausible trips, one row …" in lines[2]) == (4, True)


def test_wide_and_a_pipe_get_every_column_and_word(printed: Any) -> None:
    lines = printed(None, layout=Layout(one_line=("description",)), row={"table": "a", "description": "word " * 60})
    assert (len(lines), lines[-1].count("word")) == (3, 60)
    assert "manual__2019-01-01T00:00:00" in printed(None)[-1]
    show_every_column(True)
    try:
        assert "manual__2019-01-01T00:00:00" in printed(40)[-1]
    finally:
        show_every_column(False)


def test_rows_of_the_lake_keep_their_names_and_numbers(printed: Any) -> None:
    lines = printed(120, layout=Layout(exact=True), row={"fare_amount_usd": 1e-7, "year": 2019, "bytes": 12_000})
    assert [lines[0].split(), lines[2].split()] == [
        ["fare_amount_usd", "year", "bytes"],
        ["0.0000001", "2019", "12000"],
    ]


def test_json_has_exact_values(capsys: pytest.CaptureFixture[str]) -> None:
    emit([{"total_usd": 4e-06, "bytes": 1234}], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"total_usd": 4e-06, "bytes": 1234}]


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("total_usd", 4e-06, "$0.000004"), ("total_usd", 17904.834, "$17,904.83"), ("total_usd", 0.0, "$0.00"),
        ("saving_usd", -0.0000001, "-<$0.000001"), ("usd_a_year", 0.012, "$0.01"), ("saving_usd", -3, "-$3.00"),
        ("rows", 12_000, "12,000"), ("year", 2019, "2019"), ("publication", 1200, "1200"),
        ("bytes", 1_626_948, "1.6 MB"), ("old_version_bytes", 5017, "5.0 kB"), ("bytes after", 12, "12 bytes"),
        ("ratio", 4e-06, "0.000004"), ("ratio", 1.5, "1.5"), ("ratio", 1234.5678, "1,234.57"), ("ratio", 3.0, "3"),
        ("ratio", Decimal("1200.00012345"), "1,200.00012345"), ("ratio", math.inf, "inf"), ("total_usd", math.nan, "nan"),
        ("ok", True, "yes"), ("x", None, ""), ("x", ["a", 1], "a, 1"), ("x", {"a": 1}, '{"a": 1}'),
        ("at", datetime(2026, 11, 1, 12, tzinfo=UTC), "2026-11-01 12:00 UTC"),
    ],
)  # fmt: skip
def test_values_are_written_as_people_write_them(column: str, value: Any, text: str) -> None:
    assert cell(column, value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_has_an_exponent(value: float) -> None:
    assert "e" not in cell("ratio", value) + money(value) + exact_cell(value)


def test_headings_leave_units_to_the_values() -> None:
    headings = {
        "storage_usd": "storage",
        "bytes": "size",
        "old_version_bytes": "old version size",
        "rows before": "rows before",
    }
    assert {name: header(name) for name in headings} == headings


@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.text("abc ", max_size=30), min_size=1, max_size=3)), min_size=1, max_size=6
    ),
    st.integers(1, 120),
)
def test_columns_fit_or_only_the_first_is_left(found: list[tuple[bool, list[str]]], room: int) -> None:
    columns = [measure(str(number), "heading", cells, prose=prose) for number, (prose, cells) in enumerate(found)]
    widths = fit(columns, room, 2)
    assert all(widths[column.name] >= column.least for column in columns if column.name in widths)
    assert sum(widths.values()) + 2 * len(widths) - 1 <= room or list(widths) == ["0"]
