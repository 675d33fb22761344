"""The audit's page: verdict first, every check, and nothing that a hostile value or column name could start."""

import base64
import hashlib
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
import pytest

from lakeworks.contract import Contract
from lakeworks.quality.audit_page import to_html
from lakeworks.quality.check_results import results_of
from lakeworks.quality.findings import AuditReport
from lakeworks.quality.gx_validation import Chunk, audit
from tests.conftest import contract_of

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=alert(1)>",
    "</td></table></style><style>*{display:none}</style>",
    "{{ 7 * 7 }}{% include 'audit_page.css' %}",
    "<a href=javascript:alert(1)>x</a>",
    "$\N{LEFT-TO-RIGHT OVERRIDE}title <b>bold</b>",
)
COLUMNS: dict[str, Any] = {
    "id": {"type": "bigint", "required": True, "description": ""},
    "kind": {"type": "string", "allowed": ["a", "b"], "description": ""},
}


class Tags(HTMLParser):
    """Collects the elements, attributes and text of a page as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def audited(*kinds: str, of: Contract | None = None, names: tuple[str, ...] = ()) -> AuditReport:
    contract = of or contract_of(columns=COLUMNS)
    rows = pa.Table.from_pylist(
        [{"id": number, "kind": kind} for number, kind in enumerate(kinds)], contract.arrow_schema
    )
    return audit(contract, [Chunk(rows, names=(*rows.schema.names, *names))])


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_text_and_nothing_else(value: str) -> None:
    good, bad = Tags(to_html(audited("a"))), Tags(to_html(audited(value)))
    assert value in bad.text, "it is shown as it came"
    assert set(bad.tags) <= {*good.tags, "section"}, "it opened no element"
    assert {"script", "img", "svg", "a", "link", "iframe"}.isdisjoint(bad.tags)
    assert not [name for name, _ in bad.attributes if name.startswith("on") or name in ("src", "href")]
    assert bad.tags.count("style") == 1


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_column_name_or_fact_is_text(value: str) -> None:
    report = audited("a", names=(value,))
    assert not report.passed, "a column that the contract does not have"
    page = Tags(to_html(report, {"period": value, "run": value}, {value: value}))
    assert {"script", "img", "svg", "a"}.isdisjoint(page.tags)
    assert page.text.count(value) >= 4


def test_the_page_forbids_scripts_and_loads_nothing() -> None:
    text = to_html(audited("a"))
    (policy,) = [value for name, value in Tags(text).attributes if name == "content" and "default-src" in value]
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'"), "or a browser drops our style as well"
    assert "http" not in text.replace("http-equiv", ""), "no other host is named"


def test_the_verdict_comes_first_and_failed_checks_before_passed_ones() -> None:
    report = audited("a", "c", "c")
    page = to_html(report, {"period": "2019-01", "run": "manual__1, attempt 1"}, {"rows": "lakeworks status t"})
    text = Tags(page).text
    assert text.index("Audit failed") < text.index("Nothing was published; live data is unchanged.")
    assert "2 of 3 rows do not hold" in text
    assert "lakeworks status t" in text
    assert "2019-01" in text
    assert [result.outcome for result in results_of(report)] == ["failed", "passed", "passed", "passed"]
    assert "Audit passed" in Tags(to_html(audited("a"))).text


def test_a_warning_says_so() -> None:
    check = {"expectation": "expect_column_max_to_be_between", "severity": "warn",
             "kwargs": {"column": "id", "min_value": 50}}  # fmt: skip
    report = audited("a", of=contract_of(columns=COLUMNS, checks=[check]))
    assert "Audit passed with warnings" in Tags(to_html(report)).text
    (warned,) = [result for result in results_of(report) if result.outcome == "warn"]
    assert (warned.columns, warned.arguments, warned.shown) == (("id",), "min_value 50.0", "0")


def test_chunks_of_one_check_are_added_up() -> None:
    contract = contract_of(columns=COLUMNS)
    rows = [
        pa.Table.from_pylist([{"id": start + n, "kind": kind} for n in range(3)], contract.arrow_schema)
        for start, kind in ((0, "a"), (3, "c"))
    ]
    report = audit(contract, [Chunk(rows[0], ends=False), Chunk(rows[1])])
    (in_set,) = [result for result in results_of(report) if result.expectation == "expect_column_values_to_be_in_set"]
    assert (in_set.rows, in_set.unexpected, in_set.outcome, in_set.shown) == (6, 3, "failed", "c")
    assert in_set.arguments == "value_set ['a', 'b']"
