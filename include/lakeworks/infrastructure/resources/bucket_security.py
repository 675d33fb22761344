"""Protection of a bucket's objects: versions, encryption, no public access, one owner."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.aws_errors import translated
from lakeworks.core.layout import STAGING
from lakeworks.errors import LakeAccessDenied, LakeError, LakeNotFound, LakeUnavailable, RequestRefused
from lakeworks.infrastructure.resource import Document, NotSupported, Resource

TRIAL_KEY = f"{STAGING}/encryption-probe"


@dataclass(frozen=True)
class BucketSetting(Resource):
    """A setting of a bucket in the lake's region, or in `other_region`."""

    other_region: str | None = None

    @property
    def region(self) -> str | None:
        """Return the bucket's region."""
        return self.other_region


@dataclass(frozen=True)
class Versioning(BucketSetting):
    """Old versions are what a rollback restores."""

    kind: ClassVar[str] = "versioning"

    def desired(self) -> Document:
        """Return the status `Enabled`."""
        return {"Status": "Enabled"}

    def read(self, client: Any) -> Document | None:
        """Return the status; None for a bucket that never had versioning."""
        status = client.get_bucket_versioning(Bucket=self.name).get("Status")
        return {"Status": status} if status else None

    def write(self, client: Any, target: Document) -> None:
        """Switch it on."""
        client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration=target)


@dataclass(frozen=True)
class DefaultEncryption(BucketSetting):
    """SSE-S3, or KMS with a bucket key (one KMS call for many objects)."""

    kind: ClassVar[str] = "encryption"
    kms_key_id: str | None = None

    def desired(self) -> Document:
        """Return the algorithm and, for KMS only, the bucket key: it has no meaning for SSE-S3."""
        if self.kms_key_id:
            return {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.kms_key_id, "BucketKeyEnabled": True}
        return {"SSEAlgorithm": "AES256"}

    def read(self, client: Any) -> Document | None:
        """Return the only rule that S3 has."""
        rule = client.get_bucket_encryption(Bucket=self.name)["ServerSideEncryptionConfiguration"]["Rules"][0]
        encryption = dict(rule.get("ApplyServerSideEncryptionByDefault", {}))
        if encryption.get("SSEAlgorithm", "").startswith("aws:kms"):
            encryption["BucketKeyEnabled"] = bool(rule.get("BucketKeyEnabled"))
        return encryption or None

    def conflict(self, current: Document) -> str:
        """Refuse a change from KMS to SSE-S3 that the file does not ask for."""
        if not self.kms_key_id and current.get("SSEAlgorithm", "").startswith("aws:kms"):
            key = current.get("KMSMasterKeyID", "the account's default key")
            return (
                f"is encrypted with KMS ({key}), which was not changed; set encryption.kms_key_id in lake.yml to "
                "manage it"
            )
        return ""

    def write(self, client: Any, target: Document) -> None:
        """Replace the only rule, and test it with an object: a key that refuses this role would refuse all later writes.

        Raises:
            NotSupported: no object can be written with it; the rule before is in place again.
            LakeAccessDenied: the role may write objects, and the key refuses it; the rule before is in place again.
        """
        before, may_write = self._configuration(client), self._is_writable(client)
        default = {key: value for key, value in target.items() if key != "BucketKeyEnabled"}
        rule = {
            "ApplyServerSideEncryptionByDefault": default,
            "BucketKeyEnabled": target.get("BucketKeyEnabled", False),
        }
        client.put_bucket_encryption(Bucket=self.name, ServerSideEncryptionConfiguration={"Rules": [rule]})
        try:
            self._write_trial(client)
        except LakeAccessDenied as error:
            if may_write:
                self._restore(client, before)
                raise LakeAccessDenied(
                    f"{error} Objects could be written before, so the encryption was undone. Let the policy of "
                    f"the key {self.kms_key_id} allow kms:GenerateDataKey and kms:Decrypt to this role, then run bootstrap."
                ) from error
            # else the role may not write objects: the test has no result
        except (LakeUnavailable, RequestRefused) as error:
            self._restore(client, before)
            raise NotSupported(f"objects cannot be written with it, so it was undone: {error}") from error

    def _is_writable(self, client: Any) -> bool:
        """Return True if this role can write an object with the rule that is in place."""
        try:
            self._write_trial(client)
        except LakeError:
            return False
        return True

    def _write_trial(self, client: Any) -> None:
        with translated("write an object to", self.name):
            client.put_object(Bucket=self.name, Key=TRIAL_KEY, Body=b"x")
            client.delete_object(Bucket=self.name, Key=TRIAL_KEY)

    def _configuration(self, client: Any) -> Document | None:
        try:
            with translated("read the encryption of", self.name):
                return dict(client.get_bucket_encryption(Bucket=self.name)["ServerSideEncryptionConfiguration"])
        except LakeNotFound:
            return None

    def _restore(self, client: Any, before: Document | None) -> None:
        if before:
            client.put_bucket_encryption(Bucket=self.name, ServerSideEncryptionConfiguration=before)
        else:
            client.delete_bucket_encryption(Bucket=self.name)


@dataclass(frozen=True)
class PublicAccessBlock(BucketSetting):
    """The public access block: neither ACLs nor policies can make the bucket public."""

    kind: ClassVar[str] = "public access block"

    def desired(self) -> Document:
        """Return all four flags, switched on."""
        names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        return dict.fromkeys(names, True)

    def read(self, client: Any) -> Document | None:
        """Return the four flags."""
        return dict(client.get_public_access_block(Bucket=self.name)["PublicAccessBlockConfiguration"])

    def write(self, client: Any, target: Document) -> None:
        """Set the four flags."""
        client.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration=target)


@dataclass(frozen=True)
class Ownership(BucketSetting):
    """Object ownership: ACLs are off, the bucket's owner owns every object, and only policies decide."""

    kind: ClassVar[str] = "ownership"

    def desired(self) -> Document:
        """Return the rule that the bucket's owner owns every object."""
        return {"ObjectOwnership": "BucketOwnerEnforced"}

    def read(self, client: Any) -> Document | None:
        """Return the only rule that S3 has."""
        return dict(client.get_bucket_ownership_controls(Bucket=self.name)["OwnershipControls"]["Rules"][0])

    def write(self, client: Any, target: Document) -> None:
        """Replace the one rule."""
        client.put_bucket_ownership_controls(Bucket=self.name, OwnershipControls={"Rules": [target]})
