"""Thirty questions with known answers to `lakeworks mcp`, by a client of the protocol's own package; and what it must refuse."""

from collections.abc import Callable
from typing import Any

from lakeworks.lake import Lake
from tests.lakeworks.agents.conftest import Assistant
from tests.support.shop_lake import EMAIL, HOSTILE, ORDERS, RECEIVED, TOTALS

Question = tuple[str, dict[str, Any], Callable[[Any], Any], Any]


def sql(text: str) -> tuple[str, dict[str, Any]]:
    return "query", {"sql": text}


def explain(table: str, partition: str, column: str = "") -> tuple[str, dict[str, Any]]:
    return "explain_number", {"table": table, "partition": partition, "column": column}


def describe(table: str) -> tuple[str, dict[str, Any]]:
    return "describe_table", {"table": table}


def states(table: str, **more: str) -> tuple[str, dict[str, Any]]:
    return "partition_states", {"table": table, **more}


DAY = "WHERE sales_date = DATE '2024-01-05'"
QUESTIONS: list[Question] = [
    # which tables are there?
    ("list_tables", {}, lambda a: [row["table"] for row in a["tables"]], [RECEIVED, ORDERS, TOTALS]),
    ("list_tables", {"words": "revenue euros"}, lambda a: a["count"], 0),
    ("list_tables", {"words": "revenue"}, lambda a: [row["table"] for row in a["tables"]], [ORDERS, TOTALS]),
    ("list_tables", {"words": "sales of one day"}, lambda a: a["tables"][0]["sql_name"], "gold_shop.daily_totals"),
    # what is a table?
    (*describe(ORDERS), lambda a: (a["grain"], a["partitioned_by"]), (["id"], ["day(placed_at)"])),
    (*describe(ORDERS), lambda a: a["published"]["partitions"], 2),
    (*describe(ORDERS), lambda a: (a["published"]["first"], a["published"]["rows"]), ("2024-01-05", 6)),
    (*describe(ORDERS), lambda a: (a["built_from"], a["read_by"]), ([RECEIVED], [TOTALS])),
    (*describe(ORDERS), lambda a: a["columns"]["amount"]["minimum"], "0"),
    (*describe(ORDERS), lambda a: a["columns"]["email"]["withheld"], "personal or confidential data"),
    (*describe(ORDERS), lambda a: (a["freshness"]["state"], a["freshness"]["newest"]), ("late", "2024-01-06")),
    (*describe(ORDERS), lambda a: a["row_rules"]["amount_minimum"], "`amount` is below 0."),
    (*describe(TOTALS), lambda a: a["column_lineage"]["revenue"], [f"{ORDERS}.amount"]),
    (*describe(TOTALS), lambda a: a["freshness"], "the contract promises none"),
    # how much, how many?
    (*sql(f"SELECT revenue FROM gold_shop.daily_totals {DAY}"), lambda a: a["rows"], [["12345709.41"]]),
    (*sql("SELECT count(*) FROM silver_shop.orders"), lambda a: a["rows"], [[6]]),
    (*sql("SELECT max(amount) m FROM silver_shop.orders WHERE id < 5"), lambda a: a["columns"][0]["type"], "decimal128(10, 2)"),
    (*sql("SELECT 1 AS a, 2 AS a"), lambda a: (a["rows"], a["complete"]), ([[1, 2]], True)),
    (*sql("SELECT id FROM silver_shop.orders"), lambda a: a["tables"][0]["withheld_columns"], ["email"]),
    (*sql("SELECT id FROM silver_shop.orders"), lambda a: a["tables"][0]["freshness"]["state"], "late"),
    (*sql("SELECT id FROM silver_shop.orders"), lambda a: a["tables"][0]["contract_version"], "2.0.1"),
    (*sql(f'SELECT note AS "{HOSTILE}" FROM silver_shop.orders LIMIT 1'), lambda a: (a["columns"][0]["name"], a["rows"]), (HOSTILE, [[HOSTILE]])),
    # why that number?
    (*explain(ORDERS, "2024-01-05"), lambda a: (a["rows"]["read"], a["rows"]["published"], a["rows"]["quarantined"]), (5, 4, 1)),
    (*explain(ORDERS, "2024-01-05"), lambda a: a["rows"]["broken_rules"][0]["reason"], "`amount` is below 0."),
    (*explain(ORDERS, "2024-01-05"), lambda a: [(r["id"], r["email"]) for r in a["quarantined_rows"]], [(4, "(withheld)")]),
    (*explain(TOTALS, "2024-01-06"), lambda a: [p["publication"] for p in a["publications"]], [2, 1]),
    (*explain(TOTALS, "2024-01-06"), lambda a: (a["inputs"][0]["read"], a["inputs"][0]["publication"]), (ORDERS, 2)),
    (*explain(TOTALS, "2024-01-06", "revenue"), lambda a: [step["column"] for step in a["column"]["lineage"]],
     [f"{TOTALS}.revenue", f"{ORDERS}.amount", f"{RECEIVED}.amount"]),
    # what is there, what is missing?
    (*states(TOTALS), lambda a: a["counts"], {"published": 2}),
    (*states(ORDERS, first="2024-01-05", last="2024-01-05"), lambda a: (a["counts"], a["partitions_with_quarantined_rows"]),
     ({"published": 1}, 1)),
]  # fmt: skip


def versions(lake: Lake) -> set[tuple[str, str]]:
    """Every object version of the bucket: what was written, replaced or deleted shows."""
    pages = lake.store.client.get_paginator("list_object_versions").paginate(Bucket=lake.store.bucket)
    return {
        (item["Key"], item["VersionId"])
        for page in pages
        for kind in ("Versions", "DeleteMarkers")
        for item in page.get(kind, [])
    }


def test_thirty_questions_have_their_known_answers_and_change_nothing(assistant: Assistant, shop: Lake) -> None:
    assert len(QUESTIONS) == 30
    before = versions(shop)
    answers = assistant.ask(*((tool, arguments) for tool, arguments, _, _ in QUESTIONS))
    wrong = {
        f"{tool} {arguments}": (said, expected)
        for answer, (tool, arguments, pick, expected) in zip(answers, QUESTIONS, strict=True)
        if (said := answer if isinstance(answer, str) else pick(answer)) != expected
    }
    assert wrong == {}
    assert EMAIL not in str(answers), "personal data reached the assistant"
    assert versions(shop) == before, "an answer wrote to the lake"


HOSTILE_SQL = (
    "COPY (SELECT 1) TO '/tmp/out.csv'",
    "SELECT 1; DROP VIEW silver_shop.orders",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT getvariable('lakeworks_pii_salt')",
    "SELECT * FROM silver_shop.orders, glob('/**')",
    "PREPARE p AS SELECT 1; EXECUTE p",
    "ATTACH '/tmp/x.db' AS x",
    "INSTALL httpfs",
    "SET memory_limit = '100GB'",
    "PRAGMA database_list",
    "WITH x AS (SELECT email FROM silver_shop.orders) SELECT * FROM x",
    "SELECT o.email FROM silver_shop.orders o",
    "SELECT email FROM bronze_shop.orders",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM _0_silver_shop_orders",
    "INSERT INTO silver_shop.orders SELECT 1",
    "SELECT '\0'; DROP TABLE x",
    "",
)


def test_hostile_sql_is_one_error_and_the_next_question_is_answered(assistant: Assistant, shop: Lake) -> None:
    before = versions(shop)
    *refused, last = assistant.ask(*map(sql, HOSTILE_SQL), sql("SELECT count(*) FROM silver_shop.orders"))
    assert [type(answer) for answer in refused] == [str] * len(HOSTILE_SQL), "one of them was answered"
    assert not [text for text in refused if EMAIL in text or "sixteen-characters" in text or "root:" in text]
    assert not [text for text in refused if text.removeprefix("Error executing tool query").strip(": ") == ""]
    assert (last["rows"], versions(shop)) == ([[6]], before)


def test_answers_are_bounded_in_rows_bytes_characters_and_seconds(assistant: Assistant) -> None:
    wide = "SELECT repeat('x', 1500) FROM range(100)"
    rows, size, long, endless = assistant.ask(
        sql("SELECT range FROM range(1000000)"),
        sql(wide),
        sql("SELECT repeat('x', 5000000) AS t"),
        sql("SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range % 7 = b.range % 5"),
        options=("--rows", "5", "--bytes", "4000", "--seconds", "1"),
    )
    assert (rows["row_count"], rows["complete"], "more than 5 rows" in rows["cut"]) == (5, False, True)
    assert (size["row_count"], "more than 4,000 bytes" in size["cut"]) == (2, True)
    assert long["rows"][0][0].endswith("… (5,000,000 characters)")
    assert "ran for 1 s and was stopped" in endless


WRONG = [
    (describe("silver.shop.nothing"), "silver.shop.nothing"),
    (describe("../../etc/passwd"), "is not a table name"),
    (explain(ORDERS, "2024-02-01"), "was never published"),
    (explain(ORDERS, "2024-01-05", "price"), "has no column `price`"),
    (states(ORDERS, first="July"), "July"),
    (("plan_backfill", {"dag": "shop", "first": "2024-01", "last": "2024-02"}), "LAKE_AIRFLOW_URL is not set"),
    (("publish", {}), "publish"),
]


def test_a_wrong_question_has_one_clear_answer(assistant: Assistant) -> None:
    answers = assistant.ask(*(question for question, _ in WRONG))
    assert [(says, says in answer) for answer, (_, says) in zip(answers, WRONG, strict=True)] == [
        (says, True) for _, says in WRONG
    ]


def test_every_tool_only_reads_and_explains_itself(assistant: Assistant) -> None:
    tools = assistant.tools()
    assert set(tools) == {
        "list_tables", "describe_table", "query", "explain_number", "partition_states", "plan_backfill",
    }  # fmt: skip
    assert all(tool.annotations.read_only_hint and not tool.annotations.destructive_hint for tool in tools.values())
    assert all(tool.description for tool in tools.values())
