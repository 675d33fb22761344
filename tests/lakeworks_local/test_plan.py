"""A project's walkthrough: a mistake in it is named before anything starts."""

from pathlib import Path

import pytest

from lakeworks.errors import ConfigError
from lakeworks.project import Project
from lakeworks_local.plan import load_walkthrough


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
        ("question: {}", "question.*not permitted"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_mistake_is_named(project: Project, text: str, says: str) -> None:
    (project.folder / "walkthrough.yml").write_text(text)
    with pytest.raises(ConfigError, match=f"`include/lake/walkthrough.yml`(?s:.*){says}(?s:.*)Nothing was started"):
        load_walkthrough(project)


def test_a_project_without_one_has_nothing_to_run(project: Project) -> None:
    assert load_walkthrough(project).runs == ()


def test_a_dropped_file_lies_where_its_data_set_is_looked_for(project: Project) -> None:
    (project.folder / "walkthrough.yml").write_text(
        'drops: [{file: samples/a.csv, dataset: sales, period: "2026-01-05"}]'
    )
    assert load_walkthrough(project).drops[0].key == "inbox/sales/2026-01-05/a.csv"
