"""The lint keeps transforms portable and repeatable; upstreams are read from the text."""

import pytest

from lakeworks.core.partition import Period
from lakeworks.errors import ContractError
from lakeworks.transform.sql import bind, lint, render, upstream
from tests.conftest import contract_of

GOOD = "SELECT CAST(id AS BIGINT) AS id FROM bronze_test.rows"


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("date_diff('minute', a, b)", "boundaries"),
        ("dayofweek(a)", "0 or 1"),
        ("median(a)", "median"),
        ("quantile_cont(a, 0.5)", "quantile_cont"),
        ("now()", "what time"),
        ("today()", "what time"),
        ("current_date", "what time"),
        ("current_timestamp", "what time"),
        ("random()", "random"),
        ("uuid()", "random"),
    ],
)
def test_what_differs_between_engines_or_runs_is_refused(expression: str, why: str) -> None:
    problems = lint(f"SELECT CAST({expression} AS BIGINT) AS id FROM bronze_test.rows", contract_of())
    assert any(why in problem for problem in problems)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT id FROM bronze_test.rows", "`id` is not CAST"),
        ("SELECT * FROM bronze_test.rows", "the columns are"),
        ("SELECT CAST(a AS BIGINT) AS other FROM bronze_test.rows", "the columns are"),
        ("SELECT CAST(id AS BIGINT) AS id FROM bronze_test.rows GROUP BY ALL", "GROUP BY ALL"),
        ("WITH RECURSIVE r AS (SELECT 1 AS id) SELECT CAST(id AS BIGINT) AS id FROM r", "RECURSIVE"),
        ("DELETE FROM bronze_test.rows", "one SELECT"),
    ],
)
def test_the_form_of_a_transform(sql: str, why: str) -> None:
    assert any(why in problem for problem in lint(sql, contract_of()))


def test_an_input_that_is_not_read_is_a_slip_of_the_pen() -> None:
    known = contract_of(inputs={"bronze.test.rows": {"look_back_days": 3}})
    assert lint(GOOD, known) == []
    (problem,) = lint(GOOD, contract_of(inputs={"bronze.test.row": {"optional": True}}))
    assert "what is not read: bronze.test.row" in problem


def test_a_good_transform_has_no_problem_and_renders() -> None:
    assert lint(GOOD, contract_of()) == []
    assert "QUALIFY" not in render(f"{GOOD} QUALIFY row_number() OVER (PARTITION BY id ORDER BY id) = 1", "athena")


def test_upstreams_leave_out_ctes_and_landing() -> None:
    sql = "WITH a AS (SELECT 1 FROM silver_test.x JOIN landing ON true) SELECT 1 FROM a JOIN bronze_test.y ON true"
    assert [str(name) for name in upstream(sql)] == ["bronze.test.y", "silver.test.x"]
    with pytest.raises(ContractError, match="names tables"):
        upstream("SELECT 1 FROM trips")
    with pytest.raises(ContractError, match="does not parse"):
        upstream("SELECT FROM (")


def test_a_table_of_late_data_does_not_depend_on_the_runs_period() -> None:
    late_data = {"arrivals_from": "bronze.test.rows"}
    assert any(
        "it cannot depend on" in problem
        for problem in lint(f"{GOOD} WHERE $partition_date > x", contract_of(late_data=late_data))
    )
    assert lint(GOOD, contract_of(late_data=late_data)) == []


def test_parameters_are_the_runs_period() -> None:
    assert bind("$partition_start $partition_end $partition_date", Period.parse("2020-02")) == (
        "TIMESTAMP '2020-02-01 00:00:00' TIMESTAMP '2020-03-01 00:00:00' DATE '2020-02-01'"
    )
    with pytest.raises(ContractError, match=r"`\$day` is no parameter"):
        bind("$day", Period.parse("2020-02"))
