"""Checks of a bucket: owner, versions, trial objects with the key, conditional writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.core.layout import trial_key
from lakeworks.doctor.health_check import Diagnosis
from lakeworks.doctor.leftovers import remove_versions
from lakeworks.doctor.trial_name import TrialName
from lakeworks.errors import LakeAccessDenied, LostRace
from lakeworks.infrastructure.resources.bucket import Bucket
from lakeworks.s3.requests import conditional, sha256_base64, version_id_of

_BODY = b"lakeworks doctor\n"
_BOOTSTRAP = "Run `lakeworks bootstrap` (or the DAG `lake_bootstrap`)."


@dataclass(frozen=True)
class TrialBucket:
    """One bucket of the lake and the key that its objects must have. Collaborators are passed in."""

    s3: Any
    name: str
    region: str
    is_aws: bool
    now: Callable[[], datetime]
    kms_key_id: str | None = None
    trial: TrialName = field(default_factory=TrialName.of_this_process)

    def owner(self, account: Callable[[], str | None]) -> Diagnosis:
        """Look at the bucket as its owner: it exists, here, and belongs to the credentials' account."""
        owner = account()
        with translated("look at the bucket", self.name):
            current = Bucket(self.name, self.region, owner).read(self.s3)
        if current is None:
            return Diagnosis("failure", f"there is no bucket `{self.name}`", f"{_BOOTSTRAP} Or correct LAKE_BUCKET.")
        if not owner:
            return Diagnosis("warning", f"in {self.region}; its owner is not checked", "See `credentials`.")
        return Diagnosis(
            "ok",
            f"in {self.region}, of account {owner}",
            unproven="" if self.is_aws else "that the bucket belongs to this account",
        )

    def versioning(self) -> Diagnosis:
        """Confirm versioning by its status and by the version of a trial object: AWS may take minutes to begin."""
        with translated("read the versioning of", self.name):
            status = self.s3.get_bucket_versioning(Bucket=self.name).get("Status", "off")
        if status != "Enabled":
            return Diagnosis(
                "failure", f"versioning is {status.lower()}: rollback and repair have nothing to restore", _BOOTSTRAP
            )
        with self.trial_object("versioning") as (_, version):
            if version is None:
                return Diagnosis(
                    "failure",
                    "versioning is switched on, and a new object has no version yet",
                    "Wait: AWS may take 15 minutes. Run the doctor again before the first run.",
                )
        return Diagnosis("ok", "on; a trial object has a version")

    def trial_write(self) -> Diagnosis:
        """Write, read and delete an object, and compare its encryption with what lake.yml asks for."""
        with self.trial_object("read") as (key, version):
            pinned = {"VersionId": version} if version else {}
            with translated("read", self._uri(key)):
                answer = self.s3.get_object(Bucket=self.name, Key=key, **pinned)
                body = answer["Body"].read()
        if body != _BODY:
            return Diagnosis(
                "failure", f"`{self._uri(key)}` was read back with other bytes", "Do not use this storage."
            )
        left = "" if self.clean() else "; its version stays until lifecycle removes it (denied: s3:DeleteObjectVersion)"
        used, used_key = answer.get("ServerSideEncryption"), str(answer.get("SSEKMSKeyId", ""))
        required_key = self.kms_key_id
        if required_key and (used != "aws:kms" or not _same_key(required_key, used_key)):
            got = f"{used or 'no encryption'}{f' with {used_key}' if used_key else ''}"
            return Diagnosis("failure", f"objects get {got}, not the KMS key {required_key}", _BOOTSTRAP)
        return Diagnosis(
            "ok",
            f"an object was written, read and deleted ({used_key or used or 'no encryption reported'}){left}",
            unproven="" if self.is_aws else "what IAM, the bucket's policy and the KMS key's policy allow",
        )

    def conditional_write(self) -> Diagnosis:
        """Try to overwrite an object although the condition does not hold: S3 must refuse."""
        with self.trial_object("condition") as (key, _):
            ignored = [
                name
                for name, condition in (("If-None-Match", {"IfNoneMatch": "*"}), ("If-Match", {"IfMatch": '"0"'}))
                if not self._is_refused(key, condition)
            ]
            refused_parts = self._upload_is_refused(key)
        ignored += [] if refused_parts else ["If-None-Match of an upload in parts"]
        if ignored:
            return Diagnosis(
                "failure",
                f"this endpoint ignores {' and '.join(ignored)}: two runs could overwrite each other in silence",
                "Do not run a lake on this storage. AWS S3 refuses such writes; a proxy or gateway may drop the header.",
            )
        return Diagnosis("ok", "a write whose condition does not hold is refused")

    def clean(self) -> bool:
        """Remove trial objects of ended processes, all versions; return False if the credentials may not."""
        try:
            remove_versions(self.s3, self.name, trial_key(""), self._is_left)
        except LakeAccessDenied:
            return False
        return True

    def _clean_uploads(self) -> None:
        """Abort uploads of ended processes. Without the permission, the bucket's lifecycle aborts them after days."""
        prefix = trial_key("")
        pages = self.s3.get_paginator("list_multipart_uploads").paginate(Bucket=self.name, Prefix=prefix)
        with suppress(LakeAccessDenied), translated("list and abort the uploads to", self._uri(prefix)):
            for page in pages:
                for item in page.get("Uploads", []):
                    if self._is_left(item["Key"], item["Initiated"]):
                        self.s3.abort_multipart_upload(Bucket=self.name, Key=item["Key"], UploadId=item["UploadId"])

    def _is_left(self, key: str, since: datetime) -> bool:
        """Return True if no process uses a trial object or upload any more."""
        name = key.removeprefix(trial_key("")).partition("/")[0]
        return self.trial.may_remove(name, self.now() - since)

    @contextmanager
    def trial_object(self, name: str) -> Iterator[tuple[str, str | None]]:
        """Write an object for the block; yield its key and version. Remove what this process wrote afterwards."""
        self.clean()
        key = trial_key(f"{self.trial}/{name}")
        try:
            with translated("write", self._uri(key)):
                made = self.s3.put_object(Bucket=self.name, Key=key, Body=_BODY, ChecksumSHA256=sha256_base64(_BODY))
            yield key, version_id_of(made)
        finally:
            if not self.clean():  # the permission for versions is missing: hide the object
                with translated("delete", self._uri(key)):
                    self.s3.delete_object(Bucket=self.name, Key=key)

    def _is_refused(self, key: str, condition: dict[str, str]) -> bool:
        try:
            with conditional(self._uri(key)):
                self.s3.put_object(Bucket=self.name, Key=key, Body=b"overwritten\n", **condition)
        except LostRace:
            return True
        return False

    def _upload_is_refused(self, key: str) -> bool:
        self._clean_uploads()
        try:
            with conditional(self._uri(key), "upload in parts"):
                upload = self.s3.create_multipart_upload(Bucket=self.name, Key=key)["UploadId"]
                place = {"Bucket": self.name, "Key": key, "UploadId": upload}
                etag = self.s3.upload_part(**place, PartNumber=1, Body=b"part\n")["ETag"]
                parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
                self.s3.complete_multipart_upload(**place, IfNoneMatch="*", MultipartUpload=parts)
        except LostRace:
            return True
        finally:
            self._clean_uploads()
        return False

    def _uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"


def _same_key(required: str, used: str) -> bool:
    """Compare keys: S3 answers the ARN, lake.yml may have the id. An alias cannot be compared."""
    return ":alias/" in f":{required}" or used == required or used.endswith(f"/{required}")
