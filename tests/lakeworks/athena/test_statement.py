"""Statements are decided before they cost anything: one SELECT, typed parameters in WHERE, no personal data, a named remedy."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import sqlglot
import trino_sql_validator
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.athena.literals import literal, quoted_text
from lakeworks.athena.statement import Readership, prepared
from lakeworks.core.tenant import Tenant
from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError
from tests.lakeworks.athena.conftest import contracts, statement

FROM = "SELECT id FROM silver_shop.orders WHERE"
SUMS = (
    "WITH s AS (SELECT customer, SUM(total) AS spent, COUNT(*) AS n FROM silver_shop.orders WHERE order_date = :day "
    "GROUP BY customer) SELECT customer, spent FROM s WHERE spent > :least AND n >= :orders ORDER BY spent DESC LIMIT 100"
)


@pytest.mark.parametrize(
    ("condition", "value", "sent"),
    [
        ("order_date = ?", "2017-03-01", "DATE '2017-03-01'"),
        ("order_date = ?", date(2017, 3, 1), "DATE '2017-03-01'"),
        ("placed_at >= ?", "2017-03-01T09:30", "TIMESTAMP '2017-03-01 09:30:00.000000'"),
        ("placed_at >= ?", "2017-03-01T01:00:00.000001+02:00", "TIMESTAMP '2017-02-28 23:00:00.000001'"),
        ("placed_at >= ?", datetime(2017, 3, 1, tzinfo=UTC), "TIMESTAMP '2017-03-01 00:00:00.000000'"),
        ("total > ?", "1000", "DECIMAL '1000'"),
        ("total > ?", Decimal("1E+3"), "DECIMAL '1000'"),
        ("total > ?", "-0.10", "DECIMAL '-0.10'"),
        ("id IN (?)", "7", "7"),
        ("7 < id AND customer = ?", "O'Brien", "'O''Brien'"),
        ("upper(customer) LIKE ?", "' OR 1=1 --", "''' OR 1=1 --'"),
        ("is_test = ?", "TRUE", "true"),
        ("weight BETWEEN ? AND 9", "1.5", "DOUBLE '1.5'"),
        ("month = ?", "3", "'03'"),
        ("month = ?", 3, "'03'"),
        ("unknown_column = CAST(? AS BIGINT)", "7", "7"),
        ("-? < id", "7", "7"),
    ],
)
def test_a_parameter_has_the_type_of_what_it_is_compared_with(condition: str, value: Any, sent: str) -> None:
    assert statement(f"{FROM} {condition}", value).values == (sent,)


def test_named_parameters_are_put_in_order_and_sums_have_types_too() -> None:
    found = statement(SUMS, least="1000.50", orders="2", day="2017-03-01")
    assert found.values == ("DATE '2017-03-01'", "DECIMAL '1000.50'", "2")
    assert found.sql.count("?") == 3
    assert ":" not in found.sql


def test_marks_inside_texts_and_comments_are_no_parameters() -> None:
    found = statement(f"{FROM} customer = 'a?b' AND \"customer\" <> ':x' -- ? and :y\n AND id = ?;", "1")
    assert found.values == ("1",)
    assert found.sql.endswith("-- ? and :y\n AND id = ?")


@pytest.mark.parametrize(
    ("sql", "values", "says"),
    [
        (f"{FROM} order_date = ?", ["yesterday"], "`yesterday` is no date"),
        (f"{FROM} order_date = ?", ["2017-02-30"], "is no date"),
        (f"{FROM} id = ?", ["9223372036854775808"], "is no bigint"),
        (f"{FROM} id = ?", [True], "is no bigint"),
        (f"{FROM} total = ?", ["NaN"], "is no decimal"),
        (f"{FROM} total = ?", ["1" * 39], "is no decimal"),
        (f"{FROM} weight = ?", ["inf"], "is no double"),
        (f"{FROM} is_test = ?", ["yes"], "is no boolean"),
        (f"{FROM} customer = ?", ["x" * 1023], "has 1025 characters, and Athena takes 1024"),
        (f"{FROM} customer = ?", ["a\0b"], "is no string"),
        (f"{FROM} customer = ?", [None], "write IS NULL"),
        (f"{FROM} unknown_column = ?", ["1"], r"Give it one: CAST\(\? AS DATE\)"),
        (f"{FROM} id = ? AND id = :x", ["1"], "Use one kind"),
        (f"{FROM} id = ?", [], r"has 1 parameters \(`\?`\), and 0 values"),
        ("SELECT ? FROM silver_shop.orders", ["1"], "not in a WHERE"),
        (f"{FROM} id = 1 LIMIT ?", ["1"], "not in a WHERE"),
        (
            "SELECT customer FROM silver_shop.orders GROUP BY 1 HAVING SUM(total) > ?",
            ["1"],
            "Instead of HAVING, sum in a WITH",
        ),
        ("SELECT o.id FROM silver_shop.orders o JOIN silver_shop.orders p ON o.id = ?", ["1"], "not in a WHERE"),
        ("DROP TABLE silver_shop.orders", [], "not one SELECT"),
        ("SELECT 1; SELECT 2", [], "not one SELECT"),
        ("INSERT INTO silver_shop.orders SELECT * FROM silver_shop.orders", [], "not one SELECT"),
        ("UNLOAD (SELECT id FROM silver_shop.orders) TO 's3://x/'", [], "not one SELECT|does not parse"),
        ("SELECT id FROM silver.shop.orders", [], "In SQL write `silver_shop.orders`"),
        ("SELECT id FROM orders", [], "A query names tables <layer>_<domain>.<table>"),
        ("SELECT 'it", [], "does not parse"),
        ("SELECT FROM WHERE", [], "does not parse|not one SELECT"),
    ],
)
def test_what_athena_would_refuse_or_misread_is_not_sent(sql: str, values: list[Any], says: str) -> None:
    with pytest.raises(ContractError, match=says) as raised:
        statement(sql, *values)
    assert "Nothing was sent" in str(raised.value)


@pytest.mark.parametrize(
    ("named", "says"),
    [({"day": "2017-03-01", "least": 1}, "Parameter `:orders` has no value"), ({"dya": 1}, "Did you mean `day`?")],
)
def test_a_name_that_is_missing_or_mistyped_is_named(named: dict[str, Any], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        statement(SUMS, **named)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM silver_shop.orders",
        "SELECT o.* FROM silver_shop.orders o",
        'SELECT lower("EMAIL") AS x FROM silver_shop.orders',
        "SELECT x FROM (SELECT email AS x FROM silver_shop.orders)",
        "WITH w AS (SELECT * FROM silver_shop.orders) SELECT count(*) FROM w WHERE id > 1",
        "SELECT id FROM silver_shop.orders WHERE email LIKE 'a%'",
        "SELECT id FROM silver_shop.orders ORDER BY email",
        "SELECT id FROM silver_shop.orders WHERE EXISTS (SELECT 1 FROM silver_shop.orders p WHERE p.email = 'a')",
        "SELECT max(silver_shop.orders.email) FROM silver_shop.orders",
        "TABLE silver_shop.orders",
        "SELECT id FROM silver_shop.orders UNION SELECT count(email) FROM silver_shop.orders",
    ],
)
def test_personal_data_is_read_only_where_it_is_asked_for(sql: str) -> None:
    with pytest.raises(ContractError, match=r"email of silver.shop.orders.*Nothing was sent.*--include-personal"):
        statement(sql)
    assert prepared(sql, (), Readership(contracts, include_personal=True)).sql == sql


def test_a_count_of_rows_reads_no_personal_data() -> None:
    assert statement("SELECT count(*), max(id) FROM silver_shop.orders").values == ()


@pytest.mark.parametrize(
    ("condition", "advice"),
    [
        ("order_date = DATE '2017-03-01'", "year = '2017' AND month = '03' AND day = '01'"),
        ("order_date > DATE '2017-03-01'", "year = '…' AND month = '…' AND day = '…'"),
        ("id = 1", "year = '…' AND month = '…' AND day = '…'"),
    ],
)
def test_a_table_read_whole_is_named_with_the_condition_to_add(condition: str, advice: str) -> None:
    (note,) = statement(f"{FROM} {condition}").unfiltered
    assert (
        f"`silver.shop.orders` is read whole: the query has no condition on its partition keys year, month, day. Add `{advice}`."
        == note
    )
    assert statement(f"{FROM} {condition} AND year = '2017'").unfiltered == ()


def test_a_bound_day_is_the_advised_partition() -> None:
    (note,) = statement(f"{FROM} order_date = ?", "2017-03-02").unfiltered
    assert "Add `year = '2017' AND month = '03' AND day = '02'`" in note


def test_a_tenants_query_reads_its_own_databases() -> None:
    reader = Readership(contracts, Tenant("acme-emea"))
    sql = "SELECT silver_shop.orders.id, 'silver_shop.orders' AS t FROM silver_shop.orders WHERE id = ?"
    assert prepared(sql, ["1"], reader).sql == (
        'SELECT "acme_emea__silver_shop".orders.id, \'silver_shop.orders\' AS t FROM "acme_emea__silver_shop".orders WHERE id = ?'
    )


@given(st.text(max_size=60))
def test_no_text_leaves_its_literal(text: str) -> None:
    try:
        written = quoted_text(text)
    except ValueError:
        assert "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)
        return
    assert trino_sql_validator.validate(f"SELECT {written}", jinja="reject").valid
    (value,) = sqlglot.parse_one(f"SELECT {written}", read="trino").selects
    assert value.is_string
    assert value.this == text


KINDS = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "decimal(38,0)": st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20
    ),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "date": st.dates(),
    "timestamp": st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=-5))])).filter(
        lambda moment: 1 < moment.year < 9999
    ),
    "boolean": st.booleans(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_is_one_literal_for_trino(kind: str) -> None:
    @given(KINDS[kind])
    def holds(value: Any) -> None:
        written = literal(LakeType.parse(kind), value)
        found = trino_sql_validator.validate(f"SELECT {written}", jinja="reject")
        assert found.valid, (written, found.error)
        assert literal(LakeType.parse(kind), str(value)) == written

    holds()
