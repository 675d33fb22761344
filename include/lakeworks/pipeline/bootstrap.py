"""Bootstrap: everything a lake needs before its first run."""

from collections.abc import Mapping

from lakeworks.contract import all_tables, load_contract
from lakeworks.pipeline.lake import Lake
from lakeworks.settings import Settings
from lakeworks.storage.buckets import BucketPlan, Change, bootstrap_bucket


def bootstrap(lake: Lake, settings: Settings, tags: Mapping[str, str]) -> list[Change]:
    """Create or correct bucket and Glue databases; idempotent.

    Raises:
        ConfigError: the bucket's name breaks S3's rules.
        LakeAccessDenied: the bucket belongs to another account.
    """
    plan = BucketPlan(region=settings.region, kms_key_id=settings.kms_key_id, tags=tags)
    changes = bootstrap_bucket(lake.store.client, settings.bucket, plan)
    databases = sorted({lake.catalog.database(load_contract(name).table) for name in all_tables()})
    for name in databases:
        created = lake.catalog.ensure_database(name, f"lakeworks {name.replace('_', ' ')}")
        changes.append(Change(f"database {name}", "created" if created else "unchanged"))
    return changes
