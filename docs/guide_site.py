"""Source of the guide's site: docs/ in one folder, with a page of contents for `make docs-site`.

Links that leave docs/ lead to the repository. A link to nothing stops the build.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
REPOSITORY = "https://github.com/lakeworks/lakeworks/blob/main"
LINK = re.compile(r"(?P<before>!?\[(?:[^\]\[]|\[[^\]]*\])*\]\()(?P<target>[^)\s]+)(?P<after>\))")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
HOME, FOLDERS = "index.md", {"Tables": "tables", "Decisions": "adr"}
CONTENTS = {
    "Start": ["guide/tutorial.md", "guide/README.md"],
    "Why, and which": [
        "guide/services.md", "guide/partitions.md", "guide/schema-evolution.md", "guide/small-lake.md", "guide/at-scale.md",
        "guide/storage-classes.md", "guide/requests.md", "guide/troubleshooting.md",
    ],
    "Instead of": [],
    "How to": [
        "deploy.md", "load.md", "sources.md", "backfill.md", "plan.md", "dev.md", "ci.md", "approvals.md", "releases.md",
        "athena.md", "spark.md", "iceberg.md", "serving.md", "export.md", "share.md", "bi.md", "snowflake.md", "objects.md",
        "streaming.md", "tenants.md", "cost.md", "doctor.md", "permissions.md", "lake-formation.md", "monitoring.md", "site.md",
        "mcp.md", "odcs.md",
    ],
    "Explanation": [
        "architecture.md", "reliability.md", "failover.md", "assets.md", "lineage.md", "catalog.md", "freshness.md", "audit.md",
        "lake-page.md", "status.md", "formats.md", "benchmarks.md", "performance.md", "data.md",
        "domains/commerce.md", "domains/market.md",
    ],
    "Reference": ["command-line.md", "configuration.md", "contract.md", "lake-yml.md"],
}  # fmt: skip

_CONFIGURATION = """\
[project]
site_name = "Lakeworks"
site_description = "A medallion data lake on S3, run by Apache Airflow"
docs_dir = "docs"
site_dir = "site"
use_directory_urls = false
nav = [
  {{ "Lakeworks" = "{home}" }},
{nav}
]
[project.theme]
font = false
features = ["navigation.sections", "navigation.top", "content.code.copy", "search.highlight"]
[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
"""


def source_files() -> Iterator[tuple[str, str]]:
    """Yield the path and text of each page of the site; the first is the README."""
    yield HOME, rewritten(ROOT / "README.md", "")
    for path in sorted(DOCS.rglob("*.md")):
        place = path.relative_to(DOCS).as_posix()
        yield place, rewritten(path, place.rpartition("/")[0])


def rewritten(path: Path, folder: str) -> str:
    """Return a page whose links lead to pages of the site, or to the repository."""

    def link(match: re.Match[str]) -> str:
        target, mark, place = match["target"].partition("#")
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        file = (path.parent / target).resolve()
        if file.is_relative_to(DOCS) and file.is_file():
            up = "../" * len([part for part in folder.split("/") if part])
            target = up + file.relative_to(DOCS).as_posix()
        elif file == ROOT / "README.md":
            target = "../" * len([part for part in folder.split("/") if part]) + HOME
        else:
            target = f"{REPOSITORY}/{file.relative_to(ROOT).as_posix()}"
        return f"{match['before']}{target}{mark}{place}{match['after']}"

    return LINK.sub(link, path.read_text())


def broken_links() -> Iterator[str]:
    """Yield each link of a page to a file or heading that is not there."""
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))):
        for match in LINK.finditer(CODE.sub("", path.read_text())):
            target, _, place = match["target"].partition("#")
            if "://" in target or target.startswith("mailto:"):
                continue
            file = (path.parent / target).resolve() if target else path
            if not file.exists():
                yield f"{path.relative_to(ROOT)}: {match['target']}"
            elif place and file.suffix == ".md" and place not in headings(file):
                yield f"{path.relative_to(ROOT)}: no heading #{place} in {file.relative_to(ROOT)}"


def headings(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    return {slug(title) for title in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)}


def slug(title: str) -> str:
    """Return the anchor of a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def gone_pages() -> list[str]:
    """Return pages that the contents name and that are not there."""
    return sorted(page for pages in CONTENTS.values() for page in pages if not (DOCS / page).is_file())


def contents() -> dict[str, list[str]]:
    """Return the pages by section. A page that no section names comes last among the ways to do something."""
    named = {page for pages in CONTENTS.values() for page in pages}
    sections = {title: list(pages) for title, pages in CONTENTS.items()}
    sections["Instead of"] += _pages("guide/from-*.md")
    sections["How to"] += [page for page in _pages("*.md") if page not in named]
    return sections | {title: _pages(f"{folder}/*.md") for title, folder in FOLDERS.items()}


def _pages(pattern: str) -> list[str]:
    return [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.glob(pattern))]


def configuration() -> str:
    """Return the configuration of the site's builder."""
    listed = [
        f'  {{ "{title}" = [{", ".join(map(_quoted, pages))}] }},' for title, pages in contents().items() if pages
    ]
    return _CONFIGURATION.format(home=HOME, nav="\n".join(listed))


def _quoted(page: str) -> str:
    return f'"{page}"'


def write_source(folder: Path) -> int:
    """Write the builder's folder and return the number of problems found."""
    problems = [*broken_links(), *(f"the contents of guide_site.py: {page}" for page in gone_pages())]
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    shutil.rmtree(folder, ignore_errors=True)
    for place, text in source_files():
        target = folder / "docs" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    shutil.copytree(DOCS / "images", folder / "docs/images")
    for file in DOCS.glob("guide/*.yml"):
        shutil.copy(file, folder / "docs/guide")
    (folder / "zensical.toml").write_text(configuration())
    return len(problems)


if __name__ == "__main__":
    sys.exit(min(write_source(Path(sys.argv[1])), 1))
