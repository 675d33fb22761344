"""The manifest says in words what each prefix is and what each rule does."""

from lakeworks.contract import load_contract
from lakeworks.core.layout import TENANT_AREAS
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lifecycle_config import Lifecycle
from lakeworks.infrastructure.manifest_words import MEANINGS
from lakeworks.infrastructure.resources.bucket_manifest import content_of
from lakeworks.infrastructure.resources.lifecycle import rules_of


def test_every_area_of_the_lake_has_a_meaning() -> None:
    assert set(TENANT_AREAS) <= set(MEANINGS)


def test_rules_are_words() -> None:
    rules = rules_of(
        Lifecycle.model_validate({"rules": [{"id": "old", "prefix": "exports/", "expire_after_days": 1}]}), []
    )
    content = content_of("lake", "us-east-1", LakeConfig(), [load_contract("reference.transport.zones")], rules)
    assert content["lifecycle_rules"] == {
        "lakeworks-abort-incomplete-multipart-upload": "unfinished uploads are aborted (7 days)",
        "lakeworks-bronze-to-glacier": "bronze/ → GLACIER_IR (90 days) → DEEP_ARCHIVE (365 days)",
        "lakeworks-expire-query-results": "_results/ → deleted (30 days); replaced versions in _results/ are deleted (1 day)",
        "lakeworks-expire-staging": "_staging/ → deleted (7 days); replaced versions in _staging/ are deleted (1 day)",
        "lakeworks-expire-temp-files": "temp/ → deleted (7 days); replaced versions in temp/ are deleted (1 day)",
        "lakeworks-gold-expiration": "gold/ → deleted (395 days)",
        "lakeworks-old": "exports/ → deleted (1 day)",
        "lakeworks-rollback-horizon": "replaced versions are deleted (30 days); delete markers without versions are removed",
        "lakeworks-rollback-versions": "replaced versions beyond the 10 newest are deleted (1 day)",
        "lakeworks-silver-to-glacier": "silver/ → GLACIER_IR (180 days)",
    }
    assert content["structure"]["_ledger/"].endswith("never delete or archive it")
    assert list(content["tables"]) == ["reference/transport/zones/"]
