"""Pages of results as Arrow: up to 1,000 rows a page, values as texts, read in the types that Athena names.

The first page of a SELECT begins with a row of headings. Decimals stay exact. Timestamps have Athena's milliseconds. Values of
nested types stay the text that Athena prints, because it cannot be read back (`[a, b]` has one or two members).
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lakeworks.core.types import LakeType
from lakeworks.errors import QueryFailed

if TYPE_CHECKING:
    import pyarrow as pa

ResultPage = Callable[[str | None], dict[str, Any]]
_KINDS = {"integer": "int", "real": "float", "varbinary": "binary"}
_READ: dict[str, Callable[[str], Any]] = {
    "boolean": {"true": True, "false": False}.__getitem__,
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), int),
    **dict.fromkeys(("float", "double"), float),
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "binary": bytes.fromhex,
    "string": str,
}


def result_reader(page: ResultPage, *, has_header: bool) -> "pa.RecordBatchReader":
    """Return all rows; `page` fetches the page behind a token, the first one without.

    Raises:
        QueryFailed: a value is not of the type that Athena names (also while rows are read).
    """
    import pyarrow as pa

    first = page(None)
    columns = first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    kinds = [_kind(column) for column in columns]
    schema = pa.schema([(column["Name"], kind.arrow) for column, kind in zip(columns, kinds, strict=True)])

    def batches() -> Iterator["pa.RecordBatch"]:
        answer, rows = first, first["ResultSet"]["Rows"][1 if has_header else 0 :]
        while True:
            yield _batch(rows, kinds, schema)
            token = answer.get("NextToken")
            if not token:
                return
            answer = page(token)
            rows = answer["ResultSet"]["Rows"]

    return pa.RecordBatchReader.from_batches(schema, batches())


def _batch(rows: list[dict[str, Any]], kinds: list[LakeType], schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    texts = [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows]
    arrays = []
    for number, (kind, field) in enumerate(zip(kinds, schema, strict=True)):
        read = _READ[kind.kind]
        try:
            values = [None if row[number] is None else read(row[number]) for row in texts]
            arrays.append(pa.array(values, field.type))
        except (ValueError, KeyError, ArithmeticError) as error:
            raise QueryFailed(
                f"Column `{field.name}` is {kind} by Athena's own word, and has a value that is none: {error}. The rows "
                "before it were read. CAST the column to VARCHAR, and report this."
            ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _kind(column: dict[str, Any]) -> LakeType:
    name = str(column["Type"]).lower()
    if name == "decimal":
        return LakeType("decimal", precision=int(column["Precision"]), scale=int(column["Scale"]))
    name = _KINDS.get(name, name)
    return LakeType(name if name in _READ else "string")
