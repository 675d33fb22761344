"""Replication of new objects to a bucket in another region."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.names import OURS
from lakeworks.infrastructure.resource import Document, SharedDocument, without_empty

_ROLE = "Role"
_RULE = f"{OURS}backup"


@dataclass(frozen=True)
class ReplicationRules(SharedDocument):
    """One rule of ours beside others'. Deletions are not replicated: a backup must survive them."""

    kind: ClassVar[str] = "replication"
    to: str = ""
    role_arn: str = ""
    storage_class: str = "STANDARD_IA"
    prefix: str = ""
    kms_key_id: str | None = None
    encrypted_with_kms: bool = False

    def wanted(self) -> Document:
        """Our rule, and the role all rules of a bucket share."""
        destination: Document = {"Bucket": f"arn:aws:s3:::{self.to}", "StorageClass": self.storage_class}
        rule: Document = {
            "ID": _RULE, "Priority": 100, "Status": "Enabled", "Filter": {"Prefix": self.prefix},
            "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": destination,
        }  # fmt: skip
        if self.kms_key_id:
            destination["EncryptionConfiguration"] = {"ReplicaKmsKeyID": self.kms_key_id}
            rule["SourceSelectionCriteria"] = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
        return {_ROLE: self.role_arn, _RULE: rule}

    def read(self, client: Any) -> Document | None:
        """Rules by id, and the role."""
        found = client.get_bucket_replication(Bucket=self.name)["ReplicationConfiguration"]
        rules = {rule.get("ID", f"#{place}"): without_empty(rule) for place, rule in enumerate(found["Rules"])}
        return {_ROLE: found[_ROLE], **rules}

    def objection(self, found: Document) -> str:
        """Another role under others' rules is theirs."""
        others = [key for key in found if key != _ROLE and not self.owns(key)]
        if others and found[_ROLE] != self.role_arn:
            return f"rules {', '.join(others)} run with {found[_ROLE]}; a bucket has one role: name that in lake.yml"
        return ""

    def write(self, client: Any, target: Document) -> None:
        """S3 replaces the whole configuration; both buckets need versioning."""
        rules = [rule for key, rule in target.items() if key != _ROLE]
        client.put_bucket_replication(Bucket=self.name, ReplicationConfiguration={_ROLE: target[_ROLE], "Rules": rules})

    def remarks(self, found: Document) -> list[str]:
        """Encrypted objects need a key in the other region."""
        if self.encrypted_with_kms and not self.kms_key_id:
            return [
                "objects encrypted with KMS are not replicated until replication.kms_key_id names a key of that region"
            ]
        return []
