"""Numbers with a decimal comma, such as 1.234,50. Only columns of a number type are read this way, never text."""

import pyarrow as pa
import pyarrow.compute as pc

_NUMBER = r"^\s*-?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?\s*$"


def is_number(kind: pa.DataType) -> bool:
    """Return whether a column of the contract holds numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def with_points(texts: pa.Array) -> pa.Array:
    """Return the numbers with a decimal point. Other texts get a note, so that `1.5` is not read as one and a half."""
    plain = pc.replace_substring(pc.replace_substring(pc.utf8_trim_whitespace(texts), ".", ""), ",", ".")
    remarked = pc.binary_join_element_wise(texts, "is not written with a decimal comma", " ")
    return pc.if_else(pc.match_substring_regex(texts, _NUMBER), plain, remarked)
