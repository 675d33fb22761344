"""Replication of new objects to a bucket in another region.

Temporary objects are not copied: deletions are not replicated, so staged objects would stay in the copy for ever.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.core.layout import AUDITS, LANDING, LEDGER, PLANS, QUARANTINE, RELEASES
from lakeworks.core.names import LAYERS
from lakeworks.infrastructure.bucket_names import OURS
from lakeworks.infrastructure.resource import Document, SharedDocument, without_empty

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
