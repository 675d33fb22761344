"""The limits of a lake: names, types, times and partition values that Glue, Hive, Athena and S3 all read.

Contract loading, arriving columns, the writer, `verify` and the catalog use these functions, so that they agree. A
function named `..._fault` returns the problem, in words that follow the name, or None.
"""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime

from lakeworks.core.hive import HIVE_NULL, encode_hive
from lakeworks.core.names import LINEAGE_COLUMNS
from lakeworks.core.types import LakeType
from lakeworks.errors import NotStorable

# Glue: https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
NAME_BYTES = 255
COMMENT_BYTES = 255
DESCRIPTION_BYTES = 2_048
TYPE_BYTES = 131_072
# S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
KEY_BYTES = 1_024
# The part of a key for a partition's folders. The rest is for the longest area, tenant, table and run id.
PARTITION_BYTES = 480
COLUMNS = 2_000
# Columns outside the contract that one file or answer may bring.
NEW_COLUMNS = 500
# Nesting of objects and lists, in JSON and in column types.
NESTING = 200
# Object tags of S3 (user guide, "Categorizing your objects using tags").
TAGS = 10
TAG_LENGTH = 256
_TAG_MARKS = " +-=._:/@"
# The years that partitions of a table can have unless its contract says others; periods have FIRST_YEAR to LAST_YEAR.
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)

# Letters and digits of any alphabet: all that the parser of Hive's type names and Athena's documentation agree on.
_NAME = re.compile(r"\w+")
# Columns that quarantine files and the sorting of rows have beside the contract's.
_OWN = re.compile(r"_broken_(rules|\d+)|_reason|_row|_group")
# Hive's spelling of a value takes three bytes for each of these.
_ESCAPED_IN_SQL = r"[\x01-\x1f\"#%''*/:=?\\{\[\]^\x7f]"
# Words that a query in Athena must quote: https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html
_KEYWORDS = frozenset({
    "alter", "and", "as", "between", "by", "case", "cast", "constraint", "create", "cross", "cube",
    "current_catalog", "current_date", "current_path", "current_schema", "current_time", "current_timestamp",
    "current_user", "deallocate", "delete", "describe", "distinct", "drop", "else", "end", "escape", "except",
    "execute", "exists", "extract", "false", "first", "for", "from", "full", "group", "grouping", "having", "in",
    "inner", "insert", "intersect", "into", "is", "join", "last", "left", "like", "listagg", "localtime",
    "localtimestamp", "natural", "normalize", "not", "null", "of", "on", "or", "order", "outer", "prepare",
    "recursive", "right", "rollup", "select", "skip", "table", "then", "trim", "true", "uescape", "union", "unnest",
    "using", "values", "when", "where", "with"
})  # fmt: skip


def name_fault(name: str) -> str | None:
    """Return why Glue, Hive or Athena cannot have a column or struct member of this name."""
    if not name.strip():
        return "is an empty name"
    size = len(name.encode(errors="surrogatepass"))
    if size > NAME_BYTES:
        return f"has {size} bytes, and Glue takes names of {NAME_BYTES}"
    if not _NAME.fullmatch(name):
        return "has characters other than letters, digits and `_`, which Hive and Athena do not parse"
    return None


def column_fault(name: str, kind: LakeType, partition_keys: Collection[str]) -> str | None:
    """Return why a table with these partition keys cannot have the column in its files."""
    if name.lower() in {key.lower() for key in partition_keys}:
        return "is the name of a partition key of the table, and engines read different values for it"
    if _OWN.fullmatch(name.lower()):
        return "is a name that the lake uses next to a row's own columns"
    return name_fault(name) or type_fault(kind)


def arriving_fault(name: str, kind: LakeType, partition_keys: Collection[str]) -> str | None:
    """Return why a column outside the contract stays in landing only."""
    if name.lower() in LINEAGE_COLUMNS:
        return "is a name that the lake itself fills"
    return column_fault(name, kind, partition_keys)


def type_fault(kind: LakeType) -> str | None:
    """Return why Glue, Hive or Athena cannot read the type."""
    size = len(kind.glue.encode(errors="surrogatepass"))
    if size > TYPE_BYTES:
        return f"has a type of {size} bytes, and Glue takes {TYPE_BYTES}"
    return next(_member_faults(kind, ""), None)


def _member_faults(kind: LakeType, path: str) -> Iterator[str]:
    seen = set[str]()
    for name, inner in kind.members:
        place = f"{path}.{name}" if kind.kind == "struct" else path
        if kind.kind == "struct":
            if fault := name_fault(name):
                yield f"has the member `{place.removeprefix('.')}`, which {fault}"
            if name.lower() in seen:
                yield f"has two members `{place.removeprefix('.')}` that differ only in case"
            seen.add(name.lower())
        yield from _member_faults(inner, place)


def is_keyword(name: str) -> bool:
    """Return whether a query in Athena must quote the name."""
    return name.lower() in _KEYWORDS


def value_fault(value: str, limit: int = PARTITION_BYTES) -> str | None:
    """Return why a text cannot be a partition's value; `limit` is in bytes as Hive spells it in a path."""
    if value == HIVE_NULL:
        return "is Hive's name for a missing value"
    size = len(encode_hive(value).encode(errors="surrogatepass"))
    return f"takes {size} bytes in a path, and {limit} are left for it" if size > limit else None


def value_rule(column: str, limit: int) -> str:
    """Return `value_fault` as SQL over a quoted text column: true for what can be stored."""
    size = f"strlen(regexp_replace({column}, '{_ESCAPED_IN_SQL}', '%00', 'g'))"
    return f"{column} IS NULL OR ({column} <> '{HIVE_NULL}' AND {size} <= {limit})"


def time_rule(column: str, first: date, last: date) -> str:
    """Return SQL over a quoted date or timestamp column: true for what lies in the range, and for null."""
    start, end = time_bounds(first, last)
    return f"{column} IS NULL OR ({column} >= TIMESTAMP '{start:%Y-%m-%d}' AND {column} < TIMESTAMP '{end:%Y-%m-%d}')"


def time_bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """Return the first moment of a range of dates and the first moment after it; UTC, naive as the lake stores times."""
    return datetime(first.year, first.month, first.day), datetime.fromordinal(last.toordinal() + 1)


def is_in_range(moment: datetime, first: date, last: date) -> bool:
    """Return whether a moment lies in a range of dates."""
    start, end = time_bounds(first, last)
    return start <= moment.astimezone(UTC).replace(tzinfo=None) < end


def check_key(key: str) -> str:
    """Return a key, or refuse one that S3 has no room for, before anything is sent.

    Raises:
        NotStorable: it is too long.
    """
    size = len(key.encode(errors="surrogatepass"))
    if size > KEY_BYTES:
        raise NotStorable(
            f"The key `{key[:120]}…` has {size} bytes, and S3 takes {KEY_BYTES}. Nothing was stored under it. "
            "Shorten the partition value, file name or run id."
        )
    return key


def cut(text: str, limit: int) -> str:
    """Return as many whole characters of a text as fit into a limit in bytes."""
    return text.encode(errors="replace")[:limit].decode(errors="ignore")


def tag_value_fault(value: str) -> str | None:
    """Return why S3 would refuse a tag's value; None for one that it takes."""
    if len(value) > TAG_LENGTH:
        return f"has {len(value)} characters, more than the {TAG_LENGTH} of a tag"
    if wrong := sorted({letter for letter in value if not (letter.isalnum() or letter in _TAG_MARKS)}):
        fine = f"letters, digits, blanks and {_TAG_MARKS.strip()}"
        return f"has {' '.join(wrong)!r}, which a tag cannot have ({fine} are fine)"
    return None
