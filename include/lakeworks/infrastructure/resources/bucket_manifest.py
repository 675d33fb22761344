"""`metadata/bucket-manifest.yaml`: the bucket's purpose, owner and content, for a person who finds it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import yaml

from lakeworks.contract import Contract
from lakeworks.contract.object_tags import CLASSES
from lakeworks.core.clock import utc_now
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.manifest_words import MEANINGS, in_words
from lakeworks.infrastructure.resource import Document, Resource

KEY = "metadata/bucket-manifest.yaml"


@dataclass(frozen=True)
class BucketManifest(Resource):
    """The manifest; `created_at` never changes."""

    kind: ClassVar[str] = "manifest"
    content: Document = field(default_factory=dict)
    now: Callable[[], datetime] = utc_now

    def desired(self) -> Document:
        """Return the first manifest, with the time."""
        return {**self.content, "created_at": self.now().isoformat(timespec="seconds")}

    def read(self, client: Any) -> Document | None:
        """Return the current document."""
        manifest = yaml.safe_load(client.get_object(Bucket=self.name, Key=KEY)["Body"].read())
        return manifest if isinstance(manifest, dict) else {"created_by": "no YAML mapping"}

    def conflict(self, current: Document) -> str:
        """Refuse a manifest that a person wrote by hand."""
        if current.get("created_by") != self.content["created_by"]:
            return (
                f"s3://{self.name}/{KEY} was not written by bootstrap and was not changed; delete it, and bootstrap "
                "writes it"
            )
        return ""

    def target(self, current: Document) -> Document:
        """Keep only the time."""
        return {**self.desired(), "created_at": current.get("created_at")}

    def write(self, client: Any, target: Document) -> None:
        """Write the object."""
        text = yaml.safe_dump(target, sort_keys=False, allow_unicode=True)
        client.put_object(Bucket=self.name, Key=KEY, Body=text.encode(), ContentType="application/yaml")


def content_of(bucket: str, region: str, config: LakeConfig, contracts: list[Contract], rules: Document) -> Document:
    """Return everything except the time: names, owner, data, access, structure, lifecycle."""
    columns = [column for contract in contracts for column in contract.columns.values()]
    owner = config.owner
    kms = config.encryption.kms_key_id
    return {
        "bucket_name": bucket,
        "region": region,
        "environment": config.environment,
        "purpose": f"medallion data lake of {config.project}",
        "owner": {"name": owner.name, "role": owner.role, "contact_email": owner.email},
        "data": {
            "classification": max((column.classification for column in columns), key=CLASSES.index, default="public"),
            "contains_pii": any(column.pii for column in columns),
            "encryption": f"KMS {kms}" if kms else "SSE-S3",
            "domains": sorted({contract.table.domain for contract in contracts}),
        },
        "access": {
            "programmatic_access": {"readers": list(config.access.readers), "writers": list(config.access.writers)},
            "tools_used": ["lakeworks", "Apache Airflow", "DuckDB", "AWS Glue", "Amazon Athena"],
        },
        "structure": {f"{area}/": meaning for area, meaning in MEANINGS.items()},
        "tables": {contract.table.path + "/": " ".join(contract.description.split()) for contract in contracts},
        "lifecycle_rules": {name: in_words(rule) for name, rule in sorted(rules.items())},
        "reports": _reports(config),
        "created_by": {"method": "lakeworks bootstrap", "script": "lakeworks/infrastructure/lake_bootstrap.py"},
    }


def _reports(config: LakeConfig) -> list[str]:
    """Return what S3 reports about the bucket, in words."""
    words = []
    if config.inventory:
        words.append(
            f"{config.inventory.frequency.lower()} list of every object version, in {config.inventory.prefix}/"
        )
    words += [f"requests to {one.prefix or 'the whole bucket'} as CloudWatch metrics" for one in config.request_metrics]
    for one in config.storage_class_analysis:
        place = f", each day in {one.export_prefix}/" if one.export else ""
        words.append(f"age of the objects of {one.prefix or 'the whole bucket'} when they are read{place}")
    return words
