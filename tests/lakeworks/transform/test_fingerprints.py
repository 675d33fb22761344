"""The fingerprint of a table's code: every change of meaning shows, and no change of writing does."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from lakeworks.contract import Contract, load_contract
from lakeworks.contract.contract import all_tables
from lakeworks.core.names import TableName
from lakeworks.errors import ContractError
from lakeworks.transform.fingerprints import CodeFingerprint, code_fingerprint
from lakeworks.transform.function_meaning import code_in
from lakeworks.transform.sql import load_sql, upstream
from lakeworks.transform.sql_meaning import normal_form
from tests.support.two_table_project import write_project

ORDERS = {
    TableName("silver", "shop", "orders"): ("id", "amount", "day"),
    TableName("silver", "shop", "lines"): ("id", "n"),
}
NESTED = """
    WITH per_order AS (SELECT l.id, sum(l.n) AS pieces FROM silver_shop.lines l GROUP BY l.id)
    SELECT CAST(o.id AS BIGINT) AS id, CAST(per_order.pieces AS BIGINT) AS pieces
    FROM silver_shop.orders AS o LEFT JOIN per_order ON per_order.id = o.id WHERE o.amount > 0
"""


def same(other: str, sql: str = NESTED) -> bool:
    return normal_form(sql, ORDERS) == normal_form(other, ORDERS)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda sql: sql.replace("\n", " -- why\n").replace("sum(", "SUM( /* pieces */ "), id="comments"),
        pytest.param(lambda sql: " ".join(sql.lower().split()), id="layout and case"),
        pytest.param(lambda sql: sql.replace("per_order", "counted"), id="name of a CTE"),
        pytest.param(
            lambda sql: sql.replace("pieces FROM", "n_ FROM").replace(".pieces AS", ".n_ AS"), id="inner column"
        ),
        pytest.param(lambda sql: sql.replace("l.", "line.").replace("lines l", "lines line"), id="alias of a table"),
        pytest.param(lambda sql: sql.replace("l.id", "id").replace("l.n", "n"), id="table before a column"),
    ],
)
def test_another_way_to_write_it_has_the_same_form(change: Callable[[str], str]) -> None:
    assert same(change(NESTED))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("amount > 0", "amount >= 0"),
        ("LEFT JOIN", "JOIN"),
        ("sum(", "max("),
        ("per_order.id = o.id", "per_order.pieces = o.id"),
        ("AS pieces\n", "AS parts\n"),
        (" AS BIGINT) AS id", " AS INT) AS id"),
        ("WHERE o.amount > 0", ""),
    ],
)
def test_another_meaning_has_another_form(before: str, after: str) -> None:
    assert NESTED.replace(before, after) != NESTED
    assert not same(NESTED.replace(before, after))


def test_two_columns_that_exchange_their_names_are_no_renamed_alias() -> None:
    one = "SELECT x.a AS id, x.b AS n FROM (SELECT id AS a, n AS b FROM silver_shop.lines) x ORDER BY x.a"
    assert same(one.replace("id AS a, n AS b", "n AS a, id AS b"), one) is False
    inner = "SELECT q.id FROM (SELECT id, n FROM silver_shop.lines ORDER BY {} LIMIT 1) q"
    assert same(inner.format("n"), inner.format("id")) is False
    listed = "SELECT list_transform([1], x -> x + {}) AS id FROM silver_shop.lines"
    assert same(listed.format("id"), listed.format("n")) is False
    unknown = "SELECT l.id FROM silver_shop.lines l, LATERAL (SELECT {} AS z) s WHERE s.z > 1"
    assert same(unknown.format("a"), unknown.format("b")) is False, "no contract has these columns"


def mutants(sql: str) -> Iterator[tuple[str, str]]:
    """Yield the SQL with one change each, of every kind that the text has a place for."""
    swaps = {exp.Add: exp.Sub, exp.Mul: exp.Div, exp.GT: exp.GTE, exp.LT: exp.LTE, exp.EQ: exp.NEQ, exp.And: exp.Or}
    swaps |= {exp.Max: exp.Min, exp.GTE: exp.GT, exp.LTE: exp.LT}
    for kind, other in swaps.items():
        tree = sqlglot.parse_one(sql, read="duckdb")
        if node := tree.find(kind):
            node.replace(other(**node.args))
            yield f"{kind.__name__} as {other.__name__}", tree.sql("duckdb")
    for kind, change in _EDITS.items():
        tree = sqlglot.parse_one(sql, read="duckdb")
        if (node := tree.find(kind)) and change(node):
            yield f"another {kind.__name__}", tree.sql("duckdb")


def _other_number(node: exp.Expression) -> bool:
    node.set("this", f"{node.this}7")
    return True


def _other_join(node: exp.Expression) -> bool:
    node.set("side", "" if node.side else "LEFT")
    return True


def _other_order(node: exp.Expression) -> bool:
    node.set("desc", not node.args.get("desc"))
    return True


_EDITS: dict[type[exp.Expression], Callable[[exp.Expression], bool]] = {
    exp.Literal: _other_number,
    exp.Join: _other_join,
    exp.Ordered: _other_order,
    exp.Where: lambda node: bool(node.pop()),
    exp.Cast: lambda node: node.set("to", exp.DataType.build("BLOB")) is None,
    exp.Window: lambda node: bool(node.args.get("partition_by")) and node.set("partition_by", None) is None,
}


SHIPPED = [name for name in all_tables() if load_sql(load_contract(name))]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_mutant_of_a_shipped_transform_is_noticed_and_no_reformat(name: str) -> None:
    sql = load_sql(load_contract(name)) or ""
    inputs = {table: tuple(load_contract(str(table)).columns) for table in upstream(sql)}
    form = normal_form(sql, inputs)
    assert normal_form(sqlglot.transpile(sql, read="duckdb", write="duckdb", pretty=True)[0], inputs) == form
    made = dict(mutants(sql))
    assert made
    assert [change for change, text in made.items() if normal_form(text, inputs) == form] == []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tables = write_project(tmp_path)
    monkeypatch.setenv("LAKE_PROJECT", str(tmp_path))
    return tables / "silver/sales/orders"


PYTHON = [name for name in all_tables() if (load_contract(name).folder / "transform.py").is_file()]


def python_mutants(text: str) -> Iterator[tuple[str, str]]:
    """Yield a file with one change each: every number, operator, comparison and choice of its functions."""
    swaps: dict[type[ast.AST], ast.AST] = {
        ast.Add: ast.Sub(),
        ast.Sub: ast.Add(),
        ast.Mult: ast.Div(),
        ast.Div: ast.Mult(),
    }
    swaps |= {ast.Lt: ast.LtE(), ast.GtE: ast.Gt(), ast.USub: ast.UAdd()}
    for place, node in enumerate(ast.walk(ast.parse(text))):
        if not isinstance(node, ast.Constant | ast.BinOp | ast.UnaryOp | ast.Compare | ast.IfExp):
            continue  # a tree for each of the others would be most of the time
        tree = ast.parse(text)
        twin = list(ast.walk(tree))[place]
        if isinstance(twin, ast.Constant) and isinstance(twin.value, int | float):
            twin.value = not twin.value if isinstance(twin.value, bool) else twin.value + 7
        elif isinstance(twin, ast.BinOp | ast.UnaryOp) and type(twin.op) in swaps:
            twin.op = swaps[type(twin.op)]  # type: ignore[assignment]
        elif isinstance(twin, ast.Compare) and type(twin.ops[0]) in swaps:
            twin.ops = [swaps[type(twin.ops[0])]]  # type: ignore[list-item]
        elif isinstance(twin, ast.IfExp):
            twin.body, twin.orelse = twin.orelse, twin.body
        else:
            continue
        yield f"{type(node).__name__} in line {getattr(node, 'lineno', 0)}", ast.unparse(tree)


@pytest.mark.parametrize("name", PYTHON)
def test_every_mutant_of_a_shipped_function_is_noticed_and_no_reformat(name: str, tmp_path: Path) -> None:
    file = tmp_path / "transform.py"
    text = (load_contract(name).folder / "transform.py").read_text()

    def meaning(written: str) -> tuple[str, ...]:
        file.write_text(written)
        return code_in(tmp_path, tmp_path).meaning

    recorded = meaning(text)
    assert meaning(f"# Another comment.\n{ast.unparse(ast.parse(text))}\n") == recorded
    made = list(python_mutants(text))
    assert len(made) > len(text.splitlines()) / 2
    assert [change for change, written in made if meaning(written) == recorded] == []


def taken() -> CodeFingerprint:
    return code_fingerprint(_fresh("silver.sales.orders"), _fresh)


def _fresh(name: str) -> Contract:
    from lakeworks.contract import contract as module

    module._load.cache_clear()
    return load_contract(name)


def rewrite(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after", "made"),
    [
        ("description: Euros.", "description: Euros with tax.", True),
        ("team: sales", "team: shop", True),
        ("version: 1.0.0", "version: 1.0.1", True),
        ("grain: [id]", "grain: [id]\nfreshness: {max_age_hours: 3}\nretention: {expire_after_days: 900}", True),
        ("decimal(10,2)", "decimal(12,2)", False),
        ("grain: [id]", "grain: [id]\nrows: [{name: paid, sql: amount > 0, reason: Not paid.}]", False),
        ("grain: [id]", "grain: [id]\ndeduplicate_by: [placed_at]", False),
        ("description: Euros.", "description: Euros., minimum: 0", False),
    ],
)
def test_rules_and_types_of_the_contract_count_and_its_words_do_not(
    project: Path, before: str, after: str, made: bool
) -> None:
    recorded = str(taken())
    rewrite(project / "contract.yml", before, after)
    assert taken().made(recorded) is made


def test_the_words_of_a_row_rule_do_not_count_and_its_condition_does(project: Path) -> None:
    rewrite(
        project / "contract.yml", "grain: [id]", "grain: [id]\nrows: [{name: paid, sql: amount > 0, reason: Not paid.}]"
    )
    recorded = str(taken())
    rewrite(project / "contract.yml", "sql: amount > 0, reason: Not paid.", "sql: '(amount  >  0)', reason: No money.")
    rewrite(project / "contract.yml", "'(amount  >  0)'", "amount>0")
    assert taken().made(recorded)
    rewrite(project / "contract.yml", "amount>0", "amount>1")
    assert not taken().made(recorded)


FUNCTION = '''"""Doubles."""
import math
from lake.money import rate

GROUP_BY = ("id",)

def transform(rows):
    """Return the rows."""
    return _doubled(rows)

def _doubled(rows):
    return rows.assign(amount=rows["amount"] * rate())  # twice

def unused():
    return 1
'''
MONEY = "LIMIT = 3\nOTHER = 9\ndef rate():\n    return LIMIT\n"


@pytest.mark.parametrize(
    ("file", "before", "after", "made"),
    [
        ("transform.py", "  # twice", "", True),
        ("transform.py", '    """Return the rows."""\n', "", True),
        ("transform.py", "    return 1\n", "    return 2\n", True),
        ("transform.py", "* rate()", "+ rate()", False),
        ("transform.py", '("id",)', '("placed_at",)', False),
        ("money.py", "LIMIT = 3", "LIMIT = 4", False),
        ("money.py", "OTHER = 9", "OTHER = 8", True),
        ("money.py", "LIMIT = 3", "print('at import')\nLIMIT = 3", False),
    ],
)
def test_python_counts_as_far_as_the_function_uses_it(
    project: Path, file: str, before: str, after: str, made: bool
) -> None:
    places = {"transform.py": project / "transform.py", "money.py": project.parents[3] / "money.py"}
    places["transform.py"].write_text(FUNCTION)
    places["money.py"].write_text(MONEY)
    recorded = str(taken())
    rewrite(places[file], before, after)
    assert taken().made(recorded) is made


def test_a_function_that_is_made_at_run_time_counts_with_its_whole_file(project: Path) -> None:
    made = "GROUP_BY = ('id',)\ntransform = eval(SOURCE)\nSOURCE = 'lambda rows: rows'\nOTHER = 1\n"
    (project / "transform.py").write_text(made)
    recorded = str(taken())
    rewrite(project / "transform.py", "OTHER = 1", "OTHER = 2")
    assert not taken().made(recorded)


def test_a_python_file_that_does_not_parse_is_one_clear_error(project: Path) -> None:
    (project / "transform.py").write_text("def transform(rows:\n")
    with pytest.raises(ContractError, match=r"`transform.py` of the folder `orders` does not parse: .*\(line 1\)"):
        taken()


def test_a_python_file_that_is_not_text_is_one_clear_error(project: Path) -> None:
    (project / "transform.py").write_bytes("# Zürich\n".encode("latin-1"))
    with pytest.raises(ContractError, match=r"`transform.py` of the folder `orders` is not UTF-8: .* at byte 3"):
        taken()


def test_declared_rows_count(project: Path) -> None:
    (project / "rows.csv").write_text("id\n1\n")
    recorded = str(taken())
    rewrite(project / "rows.csv", "1", "2")
    assert not taken().made(recorded)


def test_a_publication_of_an_older_release_has_no_fingerprint_and_an_equal_text_needs_no_equal_form(
    project: Path,
) -> None:
    now = taken()
    assert now.made("")
    assert now.made(f"0000000000000000.{now.text}"), "another release of the parser may write another form"
    assert now.made(f"{now.meaning}.0000000000000000")
    assert not now.made("0000000000000000.0000000000000000")
