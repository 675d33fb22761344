"""Hive's spelling of a partition value in a path."""

from urllib.parse import quote

# Hive, Athena, Spark and pyarrow write this for a null partition value.
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_ESCAPED = frozenset("\"#%'*/:=?\\{[]^\x7f") | frozenset(map(chr, range(0x20)))


def encode_hive(value: str | None) -> str:
    r"""Encode one partition value: null and the empty string become Hive's default partition, awkward characters %XX.

    Hive escapes control characters and `"#%'*/:=?\{[]^` (FileUtils.escapePathName); everything else stays readable.
    """
    if value is None or value == "":
        return HIVE_NULL
    return "".join(quote(char, safe="") if char in _ESCAPED else char for char in value)
