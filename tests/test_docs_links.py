"""Links of the documentation lead to files and headings, and the guide's site has each page once."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from lakeworks.contract import Contract

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def guide() -> ModuleType:
    spec = importlib.util.spec_from_file_location("guide_site", REPOSITORY / "docs/guide_site.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_link_leads_to_nothing(guide: ModuleType) -> None:
    assert "\n".join(guide.broken_links()) == ""


def test_the_contents_have_every_page_once(guide: ModuleType) -> None:
    listed = [page for pages in guide.contents().values() for page in pages]
    own = [path.relative_to(guide.DOCS).as_posix() for path in guide.DOCS.rglob("*.md")]
    assert (guide.gone_pages(), sorted(listed)) == ([], sorted(own))


@pytest.mark.parametrize(
    ("title", "anchor"),
    [
        ("A year on paper", "a-year-on-paper"),
        ("`lake.yml`: what, why?", "lakeyml-what-why"),
        ("[Plan](plan.md) A & B", "plan-a--b"),
    ],
)
def test_anchors_are_those_of_github(guide: ModuleType, title: str, anchor: str) -> None:
    assert guide.slug(title) == anchor


def test_a_wrong_link_and_heading_are_named(guide: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(
        "[a](docs/gone.md) [b](docs/there.md#nowhere) `[c](code.md)` [d](docs/there.md#here)"
    )
    (tmp_path / "CONTRIBUTING.md").write_text("")
    (tmp_path / "docs/there.md").write_text("# Here\n[up](../lake.yml)")
    (tmp_path / "lake.yml").write_text("")
    monkeypatch.setattr(guide, "ROOT", tmp_path)
    monkeypatch.setattr(guide, "DOCS", tmp_path / "docs")
    assert list(guide.broken_links()) == ["README.md: docs/gone.md", "README.md: no heading #nowhere in docs/there.md"]
    assert f"[up]({guide.REPOSITORY}/lake.yml)" in guide.rewritten(tmp_path / "docs/there.md", "")


def test_the_pages_for_people_of_other_tools_have_one_task_and_one_contract_that_holds() -> None:
    pages = [path.read_text() for path in sorted((REPOSITORY / "docs/guide").glob("from-*.md"))]
    tasks = {page.partition("## With ")[0].partition("\n")[2] for page in pages}
    ours = {page.partition("## With Lakeworks")[2].partition("## What differs")[0] for page in pages}
    assert (len(pages), len(tasks), len(ours)) == (5, 1, 1)
    document = yaml.safe_load(ours.pop().partition("```yaml\n")[2].partition("```")[0])
    assert Contract.model_validate({**document, "name": "silver.shop.orders"}).columns["amount"].minimum == 0
