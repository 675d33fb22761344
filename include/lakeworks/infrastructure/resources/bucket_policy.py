"""The bucket policy: TLS only, and least privilege for the roles lake.yml names. Other statements are kept."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lakeworks.core.names import LAYERS
from lakeworks.infrastructure.bucket_names import OUR_SID
from lakeworks.infrastructure.resource import Document, SharedDocument

_VERSION = "2012-10-17"


@dataclass(frozen=True)
class BucketPolicy(SharedDocument):
    """Our statements, by their Sid. `insecure` means that TLS is not required, because the endpoint does not support it.

    `undecided` are Sids of ours that stay as they are, because what they depend on could not be read.
    """

    kind: ClassVar[str] = "policy"
    statements: Document = field(default_factory=dict)
    insecure: bool = False
    other_region: str | None = None
    undecided: frozenset[str] = frozenset()

    @property
    def region(self) -> str | None:
        """Return the bucket's region."""
        return self.other_region

    def owns(self, entry: str) -> bool:
        """Return True for our Sids: they have one prefix."""
        return entry.startswith(OUR_SID) and entry not in self.undecided

    def desired(self) -> Document:
        """Return the statements in the canonical form: IAM reorders lists and unwraps single values."""
        return {sid: canonical(statement) for sid, statement in self.statements.items()}

    def read(self, client: Any) -> Document | None:
        """Return the statements by Sid; one without a Sid is named by its position."""
        statements = json.loads(client.get_bucket_policy(Bucket=self.name)["Policy"])["Statement"]
        listed = statements if isinstance(statements, list) else [statements]
        return {statement.get("Sid", f"#{place}"): canonical(statement) for place, statement in enumerate(listed)}

    def write(self, client: Any, target: Document) -> None:
        """Write the whole policy: S3 replaces it."""
        policy = {"Version": _VERSION, "Statement": list(target.values())}
        client.put_bucket_policy(Bucket=self.name, Policy=json.dumps(policy))

    def unsupported_reason(self, client: Any) -> str:
        """Return why the policy is not possible: an endpoint without TLS leaves nothing to set."""
        if self.insecure and not self.statements:
            return "TLS-only is not set: this endpoint speaks plain HTTP, and the rule would deny every request"
        return ""

    def notes(self, current: Document) -> list[str]:
        """Return others' statements that open the bucket to everyone."""
        return [
            (
                f"statement `{sid}` of another program allows everyone without a condition; the public access block "
                "stops it"
            )
            for sid, statement in current.items()
            if not self.owns(sid) and _is_public(statement)
        ]


def canonical(statement: Document) -> Document:
    """Return one statement with sorted lists and single values as lists, so that equal statements compare equal."""
    return {key: _sorted(value, key) for key, value in statement.items()}


def tls_only(bucket: str, *, partition: str = "aws") -> Document:
    """Deny requests without TLS, or with a version below TLS 1.2."""
    everything: Document = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": _bucket_and_objects(bucket, partition),
    }
    return {
        f"{OUR_SID}TlsOnly": {
            "Sid": f"{OUR_SID}TlsOnly",
            **everything,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        f"{OUR_SID}Tls12": {
            "Sid": f"{OUR_SID}Tls12",
            **everything,
            "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        },
    }


def one_key(bucket: str, kms_key_id: str, *, partition: str = "aws") -> Document:
    """Deny uploads with another KMS key than the lake's. Uploads without a key get the default.

    S3 compares the key's full ARN, so an id or alias gets no such statement.
    """
    if not kms_key_id.startswith("arn:"):
        return {}
    key = {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": kms_key_id}}
    asks = {"Null": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "false"}}
    sid = f"{OUR_SID}OneKey"
    return {
        sid: {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"{_arn(bucket, partition)}/*",
            "Condition": {**key, **asks},
        }
    }


# Without the first, a PUT that brings tags is denied.
TAG_ACTIONS = ("PutObjectTagging", "GetObjectTagging", "PutObjectVersionTagging", "GetObjectVersionTagging")


def readers(bucket: str, roles: Sequence[str], *, partition: str = "aws") -> Document:
    """Return the resources of live tables: no landing, ledger, staging, quarantine or audits."""
    if not roles:
        return {}
    prefixes = [f"{layer}/" for layer in LAYERS]
    who = {"Effect": "Allow", "Principal": {"AWS": list(roles)}}
    objects = [f"{_arn(bucket, partition)}/{prefix}*" for prefix in prefixes]
    condition = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
    return {
        f"{OUR_SID}Read": {
            "Sid": f"{OUR_SID}Read",
            **who,
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": objects,
        },
        f"{OUR_SID}ReadList": {
            "Sid": f"{OUR_SID}ReadList",
            **who,
            "Action": "s3:ListBucket",
            "Resource": _arn(bucket, partition),
            "Condition": condition,
        },
    }


def writers(bucket: str, roles: Sequence[str], *, tags: bool = False, partition: str = "aws") -> Document:
    """Return the statement for the pipeline's role: no right to change the bucket's settings or to remove versions."""
    if not roles:
        return {}
    who = {"Effect": "Allow", "Principal": {"AWS": list(roles)}}
    actions = [
        "GetObject",
        "GetObjectVersion",
        "PutObject",
        "DeleteObject",
        "AbortMultipartUpload",
        "ListMultipartUploadParts",
        *(TAG_ACTIONS if tags else ()),
    ]
    lists = ["ListBucket", "ListBucketVersions", "ListBucketMultipartUploads", "GetBucketLocation"]
    arn = _arn(bucket, partition)
    return {
        f"{OUR_SID}Write": {
            "Sid": f"{OUR_SID}Write", **who, "Action": [f"s3:{name}" for name in actions], "Resource": f"{arn}/*",
        },
        f"{OUR_SID}WriteList": {
            "Sid": f"{OUR_SID}WriteList", **who, "Action": [f"s3:{name}" for name in lists], "Resource": arn,
        },
    }  # fmt: skip


def deliveries(
    bucket: str, prefix: str, what: str, sources: Sequence[str], account: str | None, *, partition: str = "aws"
) -> Document:
    """Let S3 itself write `Logs`, an `Inventory` or an `Analysis` about our buckets."""
    service, sid = "logging.s3.amazonaws.com" if what == "Logs" else "s3.amazonaws.com", f"{OUR_SID}{what}"
    condition: Document = {"ArnLike": {"aws:SourceArn": [_arn(source, partition) for source in sources]}}
    if account:
        condition["StringEquals"] = {"aws:SourceAccount": account}
    return {
        sid: {
            "Sid": sid, "Effect": "Allow", "Principal": {"Service": service}, "Action": "s3:PutObject",
            "Resource": f"{_arn(bucket, partition)}/{prefix.rstrip('/')}/*", "Condition": condition,
        }
    }  # fmt: skip


def _arn(bucket: str, partition: str) -> str:
    return f"arn:{partition}:s3:::{bucket}"


def _bucket_and_objects(bucket: str, partition: str) -> list[str]:
    return [_arn(bucket, partition), f"{_arn(bucket, partition)}/*"]


def _sorted(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(item, name) for name, item in value.items()}
    if key in ("Sid", "Effect") or value == "*":
        return value
    return sorted(map(str, value)) if isinstance(value, list) else [str(value)]


def _is_public(statement: Document) -> bool:
    everyone = statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
    return statement.get("Effect") == "Allow" and everyone and not statement.get("Condition")
