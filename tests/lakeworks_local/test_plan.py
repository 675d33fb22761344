"""A project's walkthrough: a mistake in it is named before anything starts."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakeworks.errors import ConfigError
from lakeworks.project import Project, current_project
from lakeworks_local.plan import dated, load_walkthrough


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "include/lake").mkdir(parents=True)
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("runs: [{dag: sales}]", "runs.0.*give either `backfill`"),
        ("runs: [{dag: sales, key: a, from: 2026-01-01, to: 2026-01-02}]", "give either"),
        ("runs: [{dag: sales, backfill: {from: 2026-01-01, to: 2026-01-02}}]", "`keys` of its runs"),
        ("drops: [{file: a.csv, dataset: x}]", "drops.0.period"),
        (
            "questions: [{question: How many?, sql: SELECT 1, after_stage: 1}]",
            "`How many\\?` waits for stage 1, and no run",
        ),
        ("runs: [{dag: sales, scheduled: true, stage: 0}]", "runs.0.stage"),
        ("question: {}", "question.*not permitted"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_mistake_is_named(project: Project, text: str, says: str) -> None:
    (project.folder / "walkthrough.yml").write_text(text)
    with pytest.raises(ConfigError, match=f"`include/lake/walkthrough.yml`(?s:.*){says}(?s:.*)Nothing was started"):
        load_walkthrough(project)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 29, 3, tzinfo=UTC), ("2026-11-28", "2026-11-16", "2026-09", "2026-09-01", "2026-09-30")),
        (datetime(2026, 12, 1, 0, 29, tzinfo=UTC), ("2026-11-29", "2026-11-17", "2026-09", "2026-09-01", "2026-09-30")),
        (datetime(2026, 12, 1, 5, 59, tzinfo=UTC), ("2026-11-30", "2026-11-18", "2026-09", "2026-09-01", "2026-09-30")),
        (datetime(2026, 12, 1, 6, 0, tzinfo=UTC), ("2026-11-30", "2026-11-18", "2026-10", "2026-10-01", "2026-10-31")),
        (datetime(2027, 1, 1, 7, tzinfo=UTC), ("2026-12-31", "2026-12-19", "2026-11", "2026-11-01", "2026-11-30")),
        (datetime(2028, 4, 30, 1, tzinfo=UTC), ("2028-04-29", "2028-04-17", "2028-02", "2028-02-01", "2028-02-29")),
    ],
)
def test_dates_count_from_now_and_months_from_their_schedules(now: datetime, expected: tuple[str, ...]) -> None:
    """On the first of a month before 06:00, and on each day before 00:30, the schedule had begun a period of the backfill's."""
    text = "{yesterday} {yesterday-12} {month-2} {month-2.first} {month-2.last}"
    assert tuple(dated(text, now).split()) == expected
    assert dated("SELECT {'a': 1}, {yesterday+1}", now) == "SELECT {'a': 1}, {yesterday+1}"


def test_this_lakes_own_walkthrough_asks_for_the_days_until_yesterday() -> None:
    plan = load_walkthrough(current_project(), datetime(2026, 11, 29, 12, tzinfo=UTC))
    assert plan.dates == "moved"
    spans = {run.dag: (str(run.first), str(run.last)) for run in plan.runs if run.last}
    assert {last for _, last in spans.values()} == {"2026-11-27"}, "the schedule begins yesterday's"
    assert {run.dag for run in plan.runs if run.scheduled} == {"taxi", "market", "commerce"}
    assert [run.keys for run in plan.runs if run.backfill] == [("2026-07", "2026-08")]
    assert len(plan.suggestions) == 3
    assert {(run.dag, run.stage) for run in plan.runs} == {("taxi", 1), ("market", 2), ("commerce", 2)}
    first = [item.question for item in plan.questions if item.after_stage == 1]
    assert first, "the first domain answers before the others begin"
    assert all("Taxi" in question for question in first), first
    assert [(change.command[0], change.command[-1]) for change in plan.changes] == [
        ("rollback", "2026-11-27"), ("withdraw", "2026-09-30"),
    ]  # fmt: skip
    assert spans["commerce"][0] == "2026-11-16", (
        "the shop's first day, at the earliest: no order is older than the lake"
    )


def test_a_project_without_one_has_nothing_to_run(project: Project) -> None:
    assert load_walkthrough(project).runs == ()


def test_a_dropped_file_lies_where_its_data_set_is_looked_for(project: Project) -> None:
    (project.folder / "walkthrough.yml").write_text(
        'drops: [{file: samples/a.csv, dataset: sales, period: "2026-01-05"}]'
    )
    assert load_walkthrough(project).drops[0].key == "inbox/sales/2026-01-05/a.csv"
