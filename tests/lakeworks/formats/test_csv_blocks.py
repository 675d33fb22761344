"""CSV by Arrow's blocks is what Python's csv module reads: values, nulls, lines and errors, wherever the blocks are cut."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch
from lakeworks.formats.text import byte_lines, csv_file
from lakeworks.formats.text.csv_blocks import CsvBlocks
from lakeworks.formats.text.text_stream import text_of

OPTIONS = (
    {},
    {"null_words": ("NULL", " ")},
    {"delimiter": ";", "skip_lines": 1},
    {"quote": None},
    {"quote": "'", "delimiter": "\t"},
    {"header": False, "columns": ("a", "b")},
    {"header": False, "columns": ("a",)},
    {"encoding": "cp1252"},
    {"encoding": "latin-1"},
    {"encoding": "utf-16"},
)
WORDS = [
    "a",
    "b",
    "1.50",
    " ",
    "",
    "NULL",
    "é",
    "\x00",
    "\ufeff",
    "\u2028",
    "\x85",
    '"',
    '""',
    "'",
    ",",
    ";",
    "\t",
    "\n",
    "\r\n",
    "\r",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)
FIELDS = st.sampled_from(["a", "", "NULL", "1.50", '""', '"a"', '"a""b"', '"x,y"', '"x\ny"', '"x\r\ny"', "é", "  "])
TABLES = st.tuples(
    st.lists(st.lists(FIELDS, min_size=2, max_size=2).map(",".join), max_size=12), st.sampled_from(["\n", "\r\n"])
).map(lambda table: table[1].join(["h,i", *table[0], ""]))


def content(batches: Iterator[RawBatch]) -> Any:
    """Rows with their lines, and the error at the end. Where it ends, the last rows are not compared."""
    rows: list[Any] = []
    try:
        for batch in batches:
            columns = {name: values.to_pylist() for name, values in batch.columns.items()}
            rows += zip(batch.lines or (), *columns.values(), strict=True)
            names = [*columns]
    except ValueError as error:
        return str(error)
    return names, rows


def by_python(body: bytes, options: FormatOptions) -> Any:
    text = text_of(io.BytesIO(body), options.encoding)
    text._CHUNK_SIZE = 1  # type: ignore[attr-defined]  # a line with a wrong byte is met after the lines before it
    return content(csv_file.read_text(text, options))


@given(body=st.one_of(TABLES, TEXTS), options=st.sampled_from(OPTIONS), block=st.sampled_from([3, 7, 20, 1 << 20]))
@example(body='h,i\n"a,"j,b\n', options={}, block=20)
@example(body='h,i\na"b,c\n"d",e\n', options={}, block=20)
@example(body="h,i\n1,2\n\ufeff3,4\n", options={}, block=8)
@example(body='h,i\n1,"2\n\n3"\n\n4,5', options={}, block=20)
def test_both_readers_agree_on_every_text(body: str, options: dict[str, Any], block: int) -> None:
    agree(body.encode(options.get("encoding", "utf-8"), "replace"), FormatOptions(**options), block)


@given(
    body=st.one_of(
        st.binary(max_size=40),
        st.lists(st.sampled_from([b"a,b\n", b"\xff,\xc3\n", b"\x81,", b"\xc3\xa9,d\r\n"])).map(b"".join),
    ),
    options=st.sampled_from(OPTIONS),
    block=st.sampled_from([3, 7, 1 << 20]),
)
def test_both_readers_agree_on_every_sequence_of_bytes(body: bytes, options: dict[str, Any], block: int) -> None:
    agree(b"a,b\n" + body, FormatOptions(**options), block)


def agree(body: bytes, options: FormatOptions, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_lines, "_BLOCK", block)
        assert content(csv_file.read(io.BytesIO(body), options)) == by_python(body, options)


@pytest.mark.parametrize(
    "body",
    [
        b'"x"y,z\n',  # an error for Python, `xy` for Arrow
        b'"x,"y,z\n',
        b'x"y",z\n',
        b"\xef\xbb\xbf1,2\n",  # Arrow drops the mark in the middle of a file
        b'1,"2\r3"\n',  # two lines
        b'1,"2\n',
        b"1,2,3\n",
        b"1,\xff\n",
    ],
)
def test_a_shape_that_arrow_reads_otherwise_is_left_to_python(body: bytes) -> None:
    assert CsvBlocks(["a", "b"], FormatOptions(), "utf-8").read(body, 1, is_last=True) is None


def test_whole_records_are_read_by_arrow_with_their_lines() -> None:
    block = CsvBlocks(["a", "b"], FormatOptions(), "utf-8").read(b'1,"2\n\n3"\n\n"a""b",\n5,"6\n', 10, is_last=False)
    assert block is not None
    assert block.columns.to_pylist() == [{"a": "1", "b": "2\n\n3"}, {"a": 'a"b', "b": None}]
    assert (block.lines, block.line_count, block.size) == ([12, 14], 5, 18)
