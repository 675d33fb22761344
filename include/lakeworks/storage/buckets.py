"""The bucket as a lake needs it: versions (rollback), encryption, no public access, tags, lifecycle.

Every setting is read back after writing: stand-ins accept what they do not keep, and an unknown sub-resource PUT may even be
answered like a CreateBucket. A setting that cannot be made is reported, the others still happen.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import ClientError

from lakeworks.aws_errors import translated
from lakeworks.errors import ConfigError, LakeAccessDenied, LakeError, LakeNotFound

Outcome = Literal["created", "updated", "unchanged", "unsupported", "denied"]
_PUBLIC = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True)
class Change:
    """What became of one setting."""

    setting: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class BucketPlan:
    """How the bucket should be. Days are since an object (or its noncurrent version) was written."""

    region: str = "us-east-1"
    kms_key_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    rollback_days: int = 30
    rollback_versions: int = 10
    staging_days: int = 7


def bootstrap_bucket(s3: Any, bucket: str, plan: BucketPlan) -> list[Change]:
    """Create or correct the bucket; returns what became of every setting.

    Raises:
        ConfigError: the name breaks S3's rules.
        LakeAccessDenied: the bucket belongs to another account, or may not be created.
    """
    check_bucket_name(bucket)
    changes = [_create(s3, bucket, plan.region)]
    steps: list[tuple[str, Callable[[], Any], Callable[[], Any], Any]] = [
        _versioning(s3, bucket),
        _encryption(s3, bucket, plan),
        _public_access(s3, bucket),
        _tags(s3, bucket, plan),
        _lifecycle(s3, bucket, plan),
    ]
    return changes + [_apply(*step) for step in steps]


def check_bucket_name(name: str) -> None:
    """Refuse names S3 would refuse (Amazon S3 user guide, general purpose bucket naming rules).

    Raises:
        ConfigError: naming the broken rule.
    """
    rules = {
        "it must have 3 to 63 characters": 3 <= len(name) <= 63,
        "it may hold lower-case letters, digits, hyphens and dots only": bool(re.fullmatch(r"[a-z0-9.-]*", name)),
        "it must begin and end with a letter or digit": bool(re.fullmatch(r"[a-z0-9](.*[a-z0-9])?", name, re.DOTALL)),
        "two dots must not follow each other": ".." not in name,
        "it must not look like an IP address": not re.fullmatch(r"\d+(\.\d+){3}", name),
        "its prefix or suffix is reserved": not name.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
        and not name.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3")),
    }
    if broken := [rule for rule, kept in rules.items() if not kept]:
        raise ConfigError(f"`{name}` is not a bucket name: {broken[0]}. Nothing was created. Correct LAKE_BUCKET.")


def _create(s3: Any, bucket: str, region: str) -> Change:
    try:
        with translated("look at the bucket", bucket):
            s3.head_bucket(Bucket=bucket)
        return Change("bucket", "unchanged", bucket)
    except LakeNotFound:
        pass
    except LakeAccessDenied as error:
        raise LakeAccessDenied(
            f"`{bucket}` exists and is not open to these credentials: it belongs to another account, or they lack "
            "s3:ListBucket. Nothing was changed. Choose another LAKE_BUCKET, or correct the connection."
        ) from error
    # us-east-1 is the default and must not be named; every other region must.
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        with translated("create the bucket", bucket):
            s3.create_bucket(Bucket=bucket, **place)
    except LakeError as error:
        code = error.__cause__.response["Error"]["Code"] if isinstance(error.__cause__, ClientError) else ""
        if code == "BucketAlreadyExists":
            raise LakeAccessDenied(
                f"The bucket name `{bucket}` is taken by another account (names are global). Nothing was created. "
                "Choose another LAKE_BUCKET."
            ) from error
        if code != "BucketAlreadyOwnedByYou":  # two bootstraps at once: the other one made it
            raise
    return Change("bucket", "created", bucket)


def _apply(setting: str, read: Callable[[], Any], write: Callable[[], Any], wanted: Any) -> Change:
    """Read, compare, write, read back."""
    try:
        if (before := _read(read)) == wanted:
            return Change(setting, "unchanged")
        with translated("set", setting):
            write()
        after = _read(read)
    except LakeAccessDenied as error:
        return Change(setting, "denied", str(error))
    except LakeError as error:
        return Change(setting, "unsupported", str(error))
    if after != wanted:
        return Change(setting, "unsupported", f"accepted but not kept: reads back as {after}")
    return Change(setting, "updated" if before else "created")


def _read(read: Callable[[], Any]) -> Any:
    """What is set; None where nothing is."""
    try:
        with translated("read", "the setting"):
            return read()
    except LakeNotFound:
        return None


def _versioning(s3: Any, bucket: str) -> tuple[str, Callable[[], Any], Callable[[], Any], Any]:
    return (
        "versioning",
        lambda: s3.get_bucket_versioning(Bucket=bucket).get("Status"),
        lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}),
        "Enabled",
    )


def _encryption(s3: Any, bucket: str, plan: BucketPlan) -> tuple[str, Callable[[], Any], Callable[[], Any], Any]:
    default = {"SSEAlgorithm": "AES256"}
    if plan.kms_key_id:
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": plan.kms_key_id}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bool(plan.kms_key_id)}

    def read() -> Any:
        found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        return found.get("ApplyServerSideEncryptionByDefault")

    return (
        "encryption",
        read,
        lambda: s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}),
        default,
    )


def _public_access(s3: Any, bucket: str) -> tuple[str, Callable[[], Any], Callable[[], Any], Any]:
    wanted = dict.fromkeys(_PUBLIC, True)

    def read() -> Any:
        return dict(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"])

    return (
        "public access block",
        read,
        lambda: s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=wanted),
        wanted,
    )


def _tags(s3: Any, bucket: str, plan: BucketPlan) -> tuple[str, Callable[[], Any], Callable[[], Any], Any]:
    """Ours are added to what is there."""

    def read() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}

    wanted = {**(_read(read) or {}), "managed-by": "lakeworks", **plan.tags}
    tags = [{"Key": key, "Value": value} for key, value in sorted(wanted.items())]
    return ("tags", read, lambda: s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags}), wanted)


def lifecycle_rules(plan: BucketPlan) -> list[dict[str, Any]]:
    """The rules of a lake; their ids are ours, rules with other ids are left alone."""

    def rule(name: str, prefix: str, **actions: Any) -> dict[str, Any]:
        return {"ID": name, "Status": "Enabled", "Filter": {"Prefix": prefix}, **actions}

    kept = {"NoncurrentDays": plan.rollback_days, "NewerNoncurrentVersions": plan.rollback_versions}
    to_ir, to_deep = {"Days": 90, "StorageClass": "GLACIER_IR"}, {"Days": 365, "StorageClass": "DEEP_ARCHIVE"}
    return [
        rule("bronze-to-glacier", "bronze/", Transitions=[to_ir, to_deep]),
        rule("silver-to-glacier", "silver/", Transitions=[{**to_ir, "Days": 180}]),
        rule("gold-expiration", "gold/", Expiration={"Days": 365}),
        rule("expire-temp-files", "_staging/", Expiration={"Days": plan.staging_days}),
        rule("rollback-horizon", "", NoncurrentVersionExpiration=kept),
        rule("abort-incomplete-multipart-upload", "", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7}),
    ]


def _lifecycle(s3: Any, bucket: str, plan: BucketPlan) -> tuple[str, Callable[[], Any], Callable[[], Any], Any]:
    def read() -> Any:
        return _by_id(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"])

    wanted = {**(_read(read) or {}), **_by_id(lifecycle_rules(plan))}
    configuration = {"Rules": list(wanted.values())}
    return (
        "lifecycle",
        read,
        lambda: s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=configuration),
        wanted,
    )


def _by_id(rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Rules by id, without the empty members some servers add."""
    return {rule["ID"]: {key: value for key, value in rule.items() if value not in ([], None)} for rule in rules}
