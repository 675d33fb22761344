"""Replication of new objects to a bucket in another region.

Temporary objects are not copied: deletions are not replicated, so staged objects would stay in the copy for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from lakeworks.core.clock import utc_now
from lakeworks.core.layout import AUDITS, LANDING, LEDGER, PLANS, QUARANTINE, RELEASES, epoch_key
from lakeworks.core.names import LAYERS
from lakeworks.infrastructure.bucket_names import OURS
from lakeworks.infrastructure.resource import Document, Resource, SharedDocument, without_empty
from lakeworks.ledger.epoch import FIRST, EpochDocument

_ROLE = "Role"
_RULE = f"{OURS}backup"
KEPT = (
    f"{LANDING}/", *(f"{layer}/" for layer in LAYERS), f"{LEDGER}/", f"{QUARANTINE}/", f"{AUDITS}/", "metadata/",
    f"{RELEASES}/", f"{PLANS}/",
)  # fmt: skip


@dataclass(frozen=True)
class ReplicationRules(SharedDocument):
    """One rule per prefix, beside others' rules. Deletions are not replicated: a backup must survive them."""

    kind: ClassVar[str] = "replication"
    to: str = ""
    role_arn: str = ""
    storage_class: str = "STANDARD_IA"
    prefixes: tuple[str, ...] = KEPT
    kms_key_id: str | None = None
    encrypted_with_kms: bool = False
    partition: str = "aws"

    def desired(self) -> Document:
        """Return our rules, and the role that all rules of a bucket share."""
        rules = [self._rule(prefix, place) for place, prefix in enumerate(self.prefixes)]
        return {_ROLE: self.role_arn, **{rule["ID"]: rule for rule in rules}}

    def _rule(self, prefix: str, place: int) -> Document:
        """Return one rule. Its priority starts at 100: no two rules of a bucket may have one priority."""
        destination: Document = {"Bucket": f"arn:{self.partition}:s3:::{self.to}", "StorageClass": self.storage_class}
        rule: Document = {
            "ID": f"{_RULE}-{prefix.strip('_/').replace('/', '-') or 'all'}", "Priority": 100 + place, "Status": "Enabled",
            "Filter": {"Prefix": prefix}, "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": destination,
        }  # fmt: skip
        if self.kms_key_id:
            destination["EncryptionConfiguration"] = {"ReplicaKmsKeyID": self.kms_key_id}
            rule["SourceSelectionCriteria"] = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
        return rule

    def read(self, client: Any) -> Document | None:
        """Return the rules by id, and the role."""
        replication = client.get_bucket_replication(Bucket=self.name)["ReplicationConfiguration"]
        rules = {rule.get("ID", f"#{place}"): without_empty(rule) for place, rule in enumerate(replication["Rules"])}
        return {_ROLE: replication[_ROLE], **rules}

    def conflict(self, current: Document) -> str:
        """Refuse if others' rules use another role: a bucket has one role."""
        others = [key for key in current if key != _ROLE and not self.owns(key)]
        if others and current[_ROLE] != self.role_arn:
            return (
                f"rules {', '.join(others)} run with {current[_ROLE]}; a bucket has only one role: write that one "
                "into lake.yml"
            )
        return ""

    def write(self, client: Any, target: Document) -> None:
        """Write the whole configuration: S3 replaces it, and both buckets need versioning."""
        rules = [rule for key, rule in target.items() if key != _ROLE]
        client.put_bucket_replication(Bucket=self.name, ReplicationConfiguration={_ROLE: target[_ROLE], "Rules": rules})

    def notes(self, current: Document) -> list[str]:
        """Warn that encrypted objects need a key in the other region."""
        if self.encrypted_with_kms and not self.kms_key_id:
            return [
                "objects encrypted with KMS are not replicated until replication.kms_key_id names a key of that region"
            ]
        return []


@dataclass(frozen=True)
class FirstEpoch(Resource):
    """The document that names this bucket as the primary. It is written after the rules, so S3 replicates it.

    A copy that has it refuses to publish, before any takeover too. Later epochs begin by takeovers: what is there stays.
    """

    kind: ClassVar[str] = "epoch"
    home: str = ""
    now: Callable[[], datetime] = utc_now

    def desired(self) -> Document:
        """Return the first epoch of this bucket."""
        return {"epoch": FIRST, "bucket": self.name, "region": self.home}

    def read(self, client: Any) -> Document | None:
        """Return epoch and primary."""
        body = client.get_object(Bucket=self.name, Key=epoch_key())["Body"].read()
        document = EpochDocument.read(
            body, f"s3://{self.name}/{epoch_key()}", "is broken: {problem}. See docs/failover.md"
        )
        return document.model_dump(mode="json", include={"epoch", "bucket", "region"})

    def target(self, current: Document) -> Document:
        """Keep what is there."""
        return current

    def write(self, client: Any, target: Document) -> None:
        """Write the document unless a takeover was faster."""
        body = EpochDocument(**target, since=self.now()).model_dump_json(indent=1).encode()
        client.put_object(Bucket=self.name, Key=epoch_key(), Body=body, IfNoneMatch="*")

    def notes(self, current: Document) -> list[str]:
        """Say where the primary is, if it is not here."""
        if current and current.get("bucket") != self.name:
            return [
                f"this bucket is a copy: s3://{current['bucket']} ({current['region']}) is the primary, and runs publish there"
            ]
        return []
