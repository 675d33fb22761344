"""Replication of new objects to a bucket in another region.

Temporary objects are not copied: deletions are not replicated, so staged objects would stay in the copy for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from lakeworks.aws_errors import is_nobody, translated
from lakeworks.core.clock import utc_now
from lakeworks.core.layout import AUDITS, LANDING, LEDGER, PLANS, QUARANTINE, RELEASES, epoch_key
from lakeworks.core.names import LAYERS
from lakeworks.errors import ConfigError, LakeAccessDenied, LakeError, LakeNotFound
from lakeworks.infrastructure.bucket_names import OURS
from lakeworks.infrastructure.resource import Document, Resource, SharedDocument, without_empty
from lakeworks.infrastructure.resources.bucket_policy import BucketPolicy
from lakeworks.ledger.epoch import FIRST, EpochDocument

# Statement of a bucket policy by which a primary admits no replicas. Bootstrap removes only its own Sids, so not one of them.
REFUSAL_SID = "FailoverRefusesReplicas"
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


def refuse_two_way(s3: Any, bucket: str, to: str) -> None:
    """Refuse a replication to a bucket that replicates to this one. Each would call itself the primary, and publish.

    A primary that took over refuses replicas by its policy; its replication back is the way back (docs/failover.md).

    Raises:
        ConfigError: the other bucket replicates to this one, or this one is a copy.
    """
    if (primary := _other_primary(s3, bucket)) is not None:
        raise ConfigError(
            f"`s3://{bucket}` is a copy: `s3://{primary}` is the primary, and lake.yml asks for a replication of the copy. "
            "Nothing was changed. Leave `replication` out of the lake.yml for the copy, or let it take over first: lakeworks "
            "failover plan"
        )
    if _replicates(s3, to, bucket) and not _refuses_replicas(s3, bucket):
        raise ConfigError(
            f"lake.yml asks for a replication from `s3://{bucket}` to `s3://{to}`, which replicates to `s3://{bucket}` "
            "already. Two buckets that replicate to each other would both be the primary. Nothing was changed. Leave "
            "`replication` out of one lake.yml, and remove the rules of that bucket; to change places: lakeworks failover"
        )


def _refuses_replicas(s3: Any, bucket: str) -> bool:
    try:
        with translated("read the policy of", bucket):
            return REFUSAL_SID in (BucketPolicy(bucket).read(s3) or {})
    except LakeNotFound:
        return False


def _other_primary(s3: Any, bucket: str) -> str | None:
    """Return the primary that the document of this bucket's epoch names, if it is another bucket."""
    try:
        with translated("read", f"s3://{bucket}/{epoch_key()}"):
            current = FirstEpoch(bucket).read(s3)
    except (LakeNotFound, LakeAccessDenied):
        return None
    named = str((current or {}).get("bucket") or bucket)
    return None if named == bucket else named


def _replicates(s3: Any, source: str, to: str) -> bool:
    """Return True if an enabled rule of a bucket names another one. A bucket that is not there or does not say has none."""
    try:
        with translated("read the replication of", source):
            rules = s3.get_bucket_replication(Bucket=source)["ReplicationConfiguration"]["Rules"]
    except LakeError as error:
        if is_nobody(error):
            raise
        return False
    return any(one["Status"] == "Enabled" and one["Destination"]["Bucket"].endswith(f":::{to}") for one in rules)


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
