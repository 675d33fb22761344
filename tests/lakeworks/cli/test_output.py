"""Tables for a person show what the values are."""

import pytest

from lakeworks.cli.output import emit


def test_brackets_are_text_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """`time64[us]` was printed as `time64`, and a lone `[/]` ended the command with a traceback."""
    emit(
        [{"detail": "column seen is time64[us]", "rows": 1200}, {"detail": "part [/] of [bold]", "rows": 1}],
        as_json=False,
    )
    printed = capsys.readouterr().out
    for text in ("time64[us]", "part [/] of [bold]", "1,200"):
        assert text in printed
