"""The one table of column types: contract spelling <-> Arrow, Glue/Athena, DuckDB and PostgreSQL.

An unknown type is an error in every direction, never `string`. Timestamps are microseconds without a zone and mean UTC
unless the column says otherwise; Glue type names follow the Hive/Athena data type reference.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from lakeworks.core.names import suggestion
from lakeworks.errors import ContractError

if TYPE_CHECKING:
    import pyarrow as pa

# contract kind -> (Glue, DuckDB, PostgreSQL)
_NAMES: dict[str, tuple[str, str, str]] = {
    "boolean": ("boolean", "BOOLEAN", "boolean"),
    "tinyint": ("tinyint", "TINYINT", "smallint"),
    "smallint": ("smallint", "SMALLINT", "smallint"),
    "int": ("int", "INTEGER", "integer"),
    "bigint": ("bigint", "BIGINT", "bigint"),
    "float": ("float", "FLOAT", "real"),
    "double": ("double", "DOUBLE", "double precision"),
    "string": ("string", "VARCHAR", "text"),
    "binary": ("binary", "BLOB", "bytea"),
    "date": ("date", "DATE", "date"),
    "timestamp": ("timestamp", "TIMESTAMP", "timestamp"),
}
_ARROW = {
    "boolean": "bool_",
    "tinyint": "int8",
    "smallint": "int16",
    "int": "int32",
    "bigint": "int64",
    "float": "float32",
    "double": "float64",
    "string": "string",
    "binary": "binary",
    "date": "date32",
}
# Parsers of the text of a partition's value. Other kinds accept any text, or cannot be partition keys.
_FROM_PATH: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), int),
    **dict.fromkeys(("float", "double"), float),
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "boolean": {"true": True, "True": True, "false": False, "False": False}.get,
}
# Column types, each with the names that SQL, Python and JSON have for it.
_OTHER_NAMES = {
    "string": "varchar char text str uuid json", "int": "integer int32", "bigint": "long int64", "smallint": "int16",
    "tinyint": "int8", "boolean": "bool", "timestamp": "datetime timestamptz timestamp_ntz", "double": "float64",
    "float": "real float32", "decimal(18,2)": "decimal numeric money number", "binary": "bytes blob bytea",
    "list<string>": "array", "struct<name:type>": "object",
}  # fmt: skip
_MEANT = {word: kind for kind, words in _OTHER_NAMES.items() for word in words.split()}
_LARGE = {"large_string": "string", "large_binary": "binary", "string_view": "string", "binary_view": "binary"}


@dataclass(frozen=True)
class LakeType:
    """A column type; nested types carry their members as `(name, type)` pairs."""

    kind: str
    members: tuple[tuple[str, "LakeType"], ...] = ()
    precision: int = 0
    scale: int = 0

    @classmethod
    def parse(cls, text: str) -> "LakeType":
        """Read `bigint`, `decimal(12,2)`, `list<int>`, `struct<a:int,b:string>` or `map<string,int>`.

        Raises:
            ContractError: the text names no type.
        """
        text = text.strip()
        if text in _NAMES:
            return cls(text)
        if match := re.fullmatch(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)", text):
            precision, scale = int(match[1]), int(match[2])
            if not 1 <= precision <= 38 or scale > precision:
                raise ContractError(f"`{text}`: decimal takes a precision of 1 to 38 and a scale no greater.")
            return cls("decimal", precision=precision, scale=scale)
        if match := re.fullmatch(r"(list|struct|map)<(.+)>", text, re.DOTALL):
            return cls._nested(match[1], split_members(match[2]), text)
        likely = _MEANT.get(text.partition("(")[0].lower())
        hint = (
            f"Did you mean `{likely}`?"
            if likely
            else suggestion(text, [*_NAMES, "decimal(p,s)", "list", "struct", "map"])
        )
        raise ContractError(f"`{text}` is not a column type. {hint}")

    @classmethod
    def _nested(cls, kind: str, parts: list[str], text: str) -> "LakeType":
        if kind == "struct":
            named = [part.partition(":") for part in parts]
            if not all(colon and name.strip() for name, colon, _ in named):
                raise ContractError(f"`{text}`: struct members are written name:type.")
            return cls(kind, tuple((name.strip(), cls.parse(inner)) for name, _, inner in named))
        names = {"list": ("item",), "map": ("key", "value")}[kind]
        if len(parts) != len(names):
            raise ContractError(f"`{text}`: a {kind} has {len(names)} member type(s), not {len(parts)}.")
        return cls(kind, tuple(zip(names, map(cls.parse, parts), strict=True)))

    def __str__(self) -> str:
        """Return the contract's spelling."""
        if self.kind == "decimal":
            return f"decimal({self.precision},{self.scale})"
        if self.kind == "struct":
            return f"struct<{','.join(f'{name}:{inner}' for name, inner in self.members)}>"
        return f"{self.kind}<{','.join(str(inner) for _, inner in self.members)}>" if self.members else self.kind

    def has_text(self, text: str) -> bool:
        """Return whether the text of a partition's path is a value of the type."""
        read = _FROM_PATH.get(self.kind, str)
        try:
            return read(text) is not None
        except (ValueError, ArithmeticError):
            return False

    @property
    def glue(self) -> str:
        """The Glue/Athena type."""
        if self.kind == "list":
            return f"array<{self.members[0][1].glue}>"
        if self.kind == "struct":
            return f"struct<{','.join(f'{name}:{inner.glue}' for name, inner in self.members)}>"
        if self.kind == "map":
            return f"map<{','.join(inner.glue for _, inner in self.members)}>"
        return str(self) if self.kind == "decimal" else _NAMES[self.kind][0]

    @property
    def duckdb(self) -> str:
        """The DuckDB type."""
        if self.kind == "list":
            return f"{self.members[0][1].duckdb}[]"
        if self.kind == "struct":
            return f"STRUCT({', '.join(f'{_quote(name)} {inner.duckdb}' for name, inner in self.members)})"
        if self.kind == "map":
            return f"MAP({', '.join(inner.duckdb for _, inner in self.members)})"
        return str(self).upper() if self.kind == "decimal" else _NAMES[self.kind][1]

    @property
    def postgres(self) -> str:
        """The PostgreSQL type; structs and maps become jsonb."""
        if self.kind in ("struct", "map"):
            return "jsonb"
        if self.kind == "list":
            inner = self.members[0][1].postgres
            return inner if inner == "jsonb" else f"{inner}[]"
        return f"numeric({self.precision},{self.scale})" if self.kind == "decimal" else _NAMES[self.kind][2]

    @property
    def arrow(self) -> "pa.DataType":
        """The Arrow type."""
        import pyarrow as pa

        if self.kind == "timestamp":
            return pa.timestamp("us")
        if self.kind == "decimal":
            return pa.decimal128(self.precision, self.scale)
        if self.kind == "list":
            return pa.list_(self.members[0][1].arrow)
        if self.kind == "map":
            return pa.map_(self.members[0][1].arrow, self.members[1][1].arrow)
        if self.kind == "struct":
            return pa.struct([(name, inner.arrow) for name, inner in self.members])
        return getattr(pa, _ARROW[self.kind])()


def from_arrow(arrow: "pa.DataType") -> LakeType:
    """Return the contract type that holds every value of an Arrow type.

    Raises:
        ContractError: no contract type does (for example `null`, `duration`, `time32`).
    """
    import pyarrow as pa

    name = str(arrow)
    if pa.types.is_dictionary(arrow):
        return from_arrow(arrow.value_type)
    if pa.types.is_timestamp(arrow):
        return LakeType("timestamp")
    if pa.types.is_decimal(arrow):
        return LakeType("decimal", precision=arrow.precision, scale=arrow.scale)
    if pa.types.is_struct(arrow):
        fields = [arrow.field(i) for i in range(arrow.num_fields)]
        return LakeType("struct", tuple((field.name, from_arrow(field.type)) for field in fields))
    if pa.types.is_map(arrow):
        return LakeType("map", (("key", from_arrow(arrow.key_type)), ("value", from_arrow(arrow.item_type))))
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow) or pa.types.is_fixed_size_list(arrow):
        return LakeType("list", (("item", from_arrow(arrow.value_type)),))
    return LakeType(_kind_of(name))


def _kind_of(arrow_name: str) -> str:
    """Return the narrowest type that holds every value: unsigned integers go to the next wider signed type."""
    widened = {"uint8": "smallint", "uint16": "int", "uint32": "bigint", "halffloat": "float", "date64": "date"}
    exact = {"bool": "boolean", "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint"}
    named = {"float": "float", "double": "double", "string": "string", "binary": "binary", "date32[day]": "date"}
    kind = {**exact, **named, **widened, **_LARGE, "date64[ms]": "date"}.get(arrow_name)
    if kind is None:
        raise ContractError(f"Arrow type `{arrow_name}` has no contract type; cast the column before it is written.")
    return kind


def split_members(text: str) -> list[str]:
    """Split at the commas that are not inside `<>` or `()`."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "<(") - (char in ">)")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
