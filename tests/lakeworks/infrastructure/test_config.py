"""lake.yml: nothing is required, everything is checked, every field is shown in the example and in the documentation."""

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import LakeConfig, load_config
from lakeworks.infrastructure.inbox_events import InboxEvents

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "lake.example.yml"


def test_nothing_is_required(tmp_path: Path) -> None:
    empty = tmp_path / "lake.yml"
    empty.write_text("# all defaults\n")
    assert load_config(empty) == LakeConfig()
    assert load_config(None) == LakeConfig(inbox_events=InboxEvents()), "this repository's own"


def test_the_example_shows_every_field() -> None:
    load_config(EXAMPLE)
    content = yaml.safe_load(EXAMPLE.read_text())
    assert set(content) == set(LakeConfig.model_fields)
    config = load_config(EXAMPLE)
    for name in content:
        part = getattr(config, name)
        if isinstance(part, BaseModel):
            assert set(content[name]) == set(type(part).model_fields), name


def test_the_documentation_names_every_field() -> None:
    text = (ROOT / "docs" / "lake-yml.md").read_text()
    assert [name for name in LakeConfig.model_fields if f"`{name}" not in text] == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lifecyle: {}", "`lifecyle`: Extra inputs"),
        ("lifecycle: {gold: {expire: 3}}", "`lifecycle.gold.expire`"),
        ("project: My Lake", "`project`"),
        ("access: {readers: [analyst]}", "`access.readers.0`"),
        ("notifications: [{id: x, to: 'arn:aws:s3:::b'}]", "`notifications.0.to`"),
        (
            "lifecycle: {rules: [{id: x, prefix: a/, transitions: [{days: 7, storage_class: STANDARD_IA}]}]}",
            "after 30 days",
        ),
        (
            "lifecycle: {rules: [{id: x, prefix: a/, transitions: [{days: 90, storage_class: GLACIER},"
            " {days: 120, storage_class: GLACIER_IR}]}]}",
            "must go to colder classes",
        ),
        (
            "lifecycle: {rules: [{id: x, prefix: a/, expire_after_days: 60, transitions: [{days: 90, storage_class: GLACIER}]}]}",
            "after the last transition",
        ),
        ("lifecycle: {rules: [{id: x, prefix: a/}]}", "needs transitions or expire_after_days"),
        ("budget: {monthly_usd: 10, emails: []}", "`budget.emails`"),
        (
            "crawlers: [{name: x, role_arn: 'arn:aws:iam::123456789012:role/c', database: d, prefix: silver/}]",
            "`crawlers.0.prefix`: Value error, lakeworks writes there",
        ),
        ("layer_buckets: {bronze: null}", "layer_buckets without names need `unique`"),
        ("layer_buckets: {bronze: one-bucket, gold: one-bucket}", "two layers have one bucket"),
        ("athena: {analysts: [{name: finance}, {name: finance}]}", "two work groups are for `finance`"),
        ("athena: {analysts: [{name: tenant-acme}]}", "are those of tenants' groups"),
        (f"athena: {{analysts: [{{name: {'a' * 70}}}]}}", "a work group's name has at most 128 characters"),
        ("athena: {tenants: [{tenant: Acme}]}", "`Acme` is not a tenant id"),
        ("layer_buckets: {copper: one-bucket}", "`layer_buckets.copper"),
        ("logging: {bucket: Upper_Case}", "`Upper_Case` is not a bucket name: it may hold lower-case"),
        ("[1", "is no YAML"),
        ("[]\n", "file`: Input should be"),
    ],
)
def test_a_mistake_names_file_and_field(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "lake.yml"
    path.write_text(text if text != "[]\n" else "[1]")
    with pytest.raises(ConfigError, match=r"(?s)lake.yml.*|Nothing was (changed|created)") as failed:
        load_config(path)
    assert says in str(failed.value)


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read.*LAKE_CONFIG_FILE"):
        load_config(tmp_path / "none.yml")
