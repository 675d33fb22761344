"""`metadata/lake-formation.json`: what bootstrap granted. A grant of Lake Formation does not show its author."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from lakeworks.aws_errors import error_code, translated
from lakeworks.core.layout import METADATA
from lakeworks.errors import ConfigError, LakeNotFound, LakeUnavailable
from lakeworks.infrastructure.bucket_names import MADE_BY
from lakeworks.infrastructure.resource import Document, Resource

RECORD_KEY = f"{METADATA}/lake-formation.json"
_CHANGED_MEANWHILE = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


@dataclass(frozen=True)
class Granted:
    """Permissions of one principal on one target."""

    principal: str
    target: Document
    permissions: tuple[str, ...]

    @property
    def place(self) -> tuple[str, str]:
        """Return principal and target, which together name it."""
        return self.principal, json.dumps(self.target, sort_keys=True)


@dataclass(frozen=True)
class GrantRecord:
    """The record in a bucket. Each change is conditional, so that two bootstraps at once lose no entry."""

    s3: Any
    bucket: str

    def entries(self) -> list[Granted]:
        """Return everything that bootstrap granted and did not take back.

        Raises:
            ConfigError: the record does not parse.
        """
        return self._read()[0]

    def permissions_of(self, granted: Granted) -> set[str]:
        """Return what is written down for the same principal and target."""
        return {name for one in self.entries() if one.place == granted.place for name in one.permissions}

    def add(self, granted: Granted) -> None:
        """Write down permissions, before they are granted."""
        self._change(lambda known: known | set(granted.permissions), granted)

    def remove(self, granted: Granted) -> None:
        """Cross out permissions, after they were taken back."""
        self._change(lambda known: known - set(granted.permissions), granted)

    def _change(self, change: Callable[[set[str]], set[str]], granted: Granted) -> None:
        entries, condition = self._read()
        known = {name for one in entries if one.place == granted.place for name in one.permissions}
        if (changed := change(known)) == known:
            return
        others = [one for one in entries if one.place != granted.place]
        mine = [Granted(granted.principal, granted.target, tuple(sorted(changed)))] if changed else []
        self._write(sorted([*others, *mine], key=lambda one: one.place), condition)

    def _read(self) -> tuple[list[Granted], dict[str, str]]:
        """Return the entries, and the condition of a write over them."""
        try:
            with translated("read", f"s3://{self.bucket}/{RECORD_KEY}"):
                answer = self.s3.get_object(Bucket=self.bucket, Key=RECORD_KEY)
                content = answer["Body"].read()
        except LakeNotFound:
            return [], {"IfNoneMatch": "*"}
        try:
            entries = [
                Granted(one["principal"], one["target"], tuple(one["permissions"]))
                for one in json.loads(content)["grants"]
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"s3://{self.bucket}/{RECORD_KEY} does not parse ({error}), so bootstrap does not know which grants are its "
                "own. No grant was changed. Restore an earlier version of the object, or delete it: then grants made so far "
                "stay when they leave lake.yml."
            ) from error
        return entries, {"IfMatch": answer["ETag"]}

    def _write(self, entries: Sequence[Granted], condition: dict[str, str]) -> None:
        grants = [
            {"principal": one.principal, "target": one.target, "permissions": list(one.permissions)} for one in entries
        ]
        body = json.dumps({"created_by": MADE_BY, "grants": grants}, indent=1).encode()
        try:
            self.s3.put_object(
                Bucket=self.bucket, Key=RECORD_KEY, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            if error_code(error) not in _CHANGED_MEANWHILE:
                raise
            raise LakeUnavailable(
                f"Another bootstrap changes s3://{self.bucket}/{RECORD_KEY} at the same time. This grant was not changed. Run "
                "the bootstrap again."
            ) from error


@dataclass(frozen=True, kw_only=True)
class RecordedGrants(Resource):
    """The record as a line of the plan: bootstrap must be able to read it."""

    kind: ClassVar[str] = "grant record"
    record: GrantRecord

    def desired(self) -> Document:
        """Return nothing: each grant writes itself down."""
        return {}

    def read(self, client: Any) -> Document | None:
        """Read it."""
        self.record.entries()
        return None

    def write(self, client: Any, target: Document) -> None:
        """Write nothing."""
